// `lab links`: what a campaign costs over the own dialect, SMPP and Twilio's API, with Kannel
// beside.
import { writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { parseWholeNumber } from "../../src/cli/number_options.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { createTerminal, formatCount } from "../../src/cli/terminal.ts";
import { cpuOf, isSimulator, rateOf } from "../measure/benchmark/figures.ts";
import { showTable } from "../measure/benchmark/show_benchmark.ts";
import { type CarrierSubject, carrierSubjects, type MeasuredCarriers, measureCarriers } from "../measure/carriers/measure_carriers.ts";
import { formatFigure, formatInterval } from "../measure/summary/shown_figure.ts";

interface LinksOptions {
  messages: number;
  rounds: number;
  only?: CarrierSubject[];
  json?: string;
}

const descriptions: Record<CarrierSubject, string> = {
  own: "ours, own dialect, bodies of 100",
  smpp: "ours, SMPP, one bind, window 100",
  kannel: "Kannel, the same bind, receipts in PostgreSQL",
  twilio: "ours, Twilio's API, two callbacks a message",
};

export function register(program: Command): void {
  program
    .command("links")
    .description("measure campaigns over SMPP and Twilio's API beside the own dialect and Debian's Kannel, in rounds")
    .option("--messages <n>", "of each run", parseWholeNumber({ min: 100, max: 1_000_000 }), 20_000)
    .option("--rounds <n>", "after one that warms up", parseWholeNumber({ min: 1, max: 50 }), 6)
    .option("--only <subjects>", `measure only some of ${carrierSubjects.join(",")}`, parseSubjects)
    .option("--json <file>", "write the figures to a file")
    .action((options: LinksOptions) => endWell(() => links(options)));
}

async function links({ messages, rounds, only, json }: LinksOptions): Promise<number> {
  const terminal = createTerminal(process.stdout, process.env);
  const measured = await measureCarriers({
    messages,
    rounds,
    subjects: only ?? carrierSubjects,
    onRun: (subject, round, run) =>
      terminal.line(
        `${String(round).padStart(2)}  ${descriptions[subject].padEnd(46)} ${formatFigure(rateOf(run)).padStart(8)}/s   ${formatFigure(cpuOf(run))} µs of CPU each, of it simulator ${formatFigure(cpuOf(run, isSimulator))}`,
      ),
  });
  show(measured, messages);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(measured, null, 2)}\n`);
  return measured.lawsBroken.length === 0 ? exitCodes.ok : exitCodes.failed;
}

function show({ figures, smppToKannel, lawsBroken }: MeasuredCarriers, messages: number): void {
  const terminal = createTerminal(process.stdout, process.env);
  showTable(terminal, {
    title: `Campaigns of ${formatCount(messages)}: medians of the rounds, with their 95 % intervals; CPU scaled by the fixed work`,
    columns: [
      { name: "" },
      ...["messages/s", "interval", "CPU, µs", "interval", "of it simulator"].map((name) => ({ name, isNumber: true as const })),
    ],
    rows: figures.map(({ subject, messagesPerSecond, cpu, simulatorCpu }) => [
      descriptions[subject],
      formatFigure(messagesPerSecond.median),
      formatInterval(messagesPerSecond),
      formatFigure(cpu.median),
      formatInterval(cpu),
      formatFigure(simulatorCpu.median),
    ]),
  });
  const names = [...new Set(figures.flatMap(({ cpuByProcess }) => Object.keys(cpuByProcess)))];
  showTable(terminal, {
    title: "CPU µs per message in each process",
    columns: [{ name: "process" }, ...figures.map(({ subject }) => ({ name: subject, isNumber: true as const }))],
    rows: names.map((name) => [name, ...figures.map(({ cpuByProcess }) => formatFigure(cpuByProcess[name] ?? 0))]),
  });
  terminal.line();
  if (smppToKannel !== null)
    terminal.line(`rate of ours over SMPP to Kannel's: ${formatFigure(smppToKannel.median)} (${formatInterval(smppToKannel)})`);
  terminal.line(lawsBroken.length === 0 ? "all laws hold" : terminal.bold(`broken: ${lawsBroken.join(", ")}`));
  terminal.line();
}

function parseSubjects(text: string): CarrierSubject[] {
  const names = text.split(",");
  const isSubject = (name: string): name is CarrierSubject => (carrierSubjects as readonly string[]).includes(name);
  if (!names.every(isSubject)) throw new InvalidArgumentError(`a list of ${carrierSubjects.join(",")}`);
  return names;
}
