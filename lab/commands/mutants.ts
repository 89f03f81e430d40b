// `lab mutants`: removes each guard of the protocol in turn, and shows what notices.
import type { Command } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { alignColumns, createTerminal, type Terminal } from "../../src/cli/terminal.ts";
import { writeReport } from "../measure/report/write_report.ts";
import { mutantsReport } from "../prove/mutants/mutants_report.ts";
import { type MutantRow, type MutantsReport, verifyMutants } from "../prove/mutants/verify_mutants.ts";

interface MutantsCommandOptions {
  only?: string;
  report?: string;
  json?: true;
}

export function register(program: Command): void {
  program
    .command("mutants")
    .description("remove each guard of the protocol from the source in turn; a test or a run with killed processes must notice")
    .option("--only <text>", "guards whose name contains one of these texts, separated by commas")
    .option("--report <file>", "write the report to one HTML file")
    .option("--json", "print the report as one JSON object on the last line")
    .action((options: MutantsCommandOptions) => endWell(() => mutants(options)));
}

async function mutants({ only = "", report: file, json }: MutantsCommandOptions): Promise<number> {
  const terminal = createTerminal(process.stdout, process.env);
  terminal.line();
  terminal.line(terminal.bold("mutants"));
  const report = await verifyMutants({
    only,
    onBegin: (description) => terminal.line(terminal.dim(description)),
    onRow: (row) => showRow(terminal, row),
  });
  showReport(terminal, report);
  const replay = `npm run verify:mutants${only === "" ? "" : ` -- --only '${only}'`}`;
  if (file !== undefined) terminal.line(`report: ${await writeReport(file, mutantsReport(report, replay))}`);
  if (json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.held ? exitCodes.ok : exitCodes.failed;
}

function showRow(terminal: Terminal, row: MutantRow): void {
  terminal.line(
    `without ${row.mutant}   ${row.verdict === "caught" ? "caught" : terminal.bold(row.verdict)}   ${row.seconds.toFixed(1)} s`,
  );
  if (row.description !== "") terminal.line(terminal.dim(`    ${row.description}`));
}

function showReport(terminal: Terminal, { held, rows, byProcesses, seconds }: MutantsReport): void {
  terminal.line();
  const head = ["mutant", "guard that is missing", "caught by", "how", "model", "seconds"].map(terminal.dim);
  const lines = rows.map((row) => [
    row.mutant,
    row.guard,
    row.verdict === "caught" ? row.caughtBy : terminal.bold(row.verdict),
    row.how,
    row.isModelled ? "too" : "",
    row.seconds.toFixed(1),
  ]);
  for (const line of alignColumns([head, ...lines], [5])) terminal.line(line);
  terminal.line();
  const caught = rows.filter(({ verdict }) => verdict === "caught").length;
  const extent = `${caught} of ${rows.length} mutants caught, ${byProcesses} by real processes, in ${Math.round(seconds)} s`;
  terminal.line(held ? `${terminal.accent("held")}: ${extent}` : `${terminal.bold("NOT HELD")}: ${extent}`);
  terminal.line();
}
