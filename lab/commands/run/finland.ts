// `lab run finland`: one campaign for everyone in Finland, timed phase by phase; all laws are
// checked at the end.
import { tmpdir } from "node:os";
import type { Command } from "commander";
import { endWell } from "../../../src/cli/failure.ts";
import { parseWholeNumber } from "../../../src/cli/number_options.ts";
import { createProgress, type Progress } from "../../../src/cli/progress.ts";
import { exitCodes } from "../../../src/cli/report_error.ts";
import { createTerminal, formatCount } from "../../../src/cli/terminal.ts";
import { settings } from "../../../src/contracts/settings.ts";
import { type FinlandRun, runFinland } from "../../measure/finland/finland.ts";
import { showFinland } from "../../measure/finland/show_finland.ts";
import { freeBytes, requireSpace } from "../../measure/sampling/disk.ts";

/** Population of Finland (Statistics Finland, 2024). */
const peopleInFinland = 5_600_000;
const contactsMax = settings.BULKSMS_UPLOAD_ROWS_MAX.default;
/** The exit code that a shell expects of a command ended by Ctrl-C. */
const interruptedExitCode = 130;

interface FinlandCommandOptions {
  contacts: number;
  json?: true;
}

export function register(run: Command): void {
  run
    .command("finland")
    .description("text everyone in Finland; measure the time of each phase, memory and disk, and check all laws")
    .option("--contacts <n>", "number of people", parseContacts, peopleInFinland)
    .option("--json", "print every figure as one JSON object on the last line")
    .action((options: FinlandCommandOptions) => endWell(() => finland(options)));
}

const parseContacts = parseWholeNumber({ min: 1, max: contactsMax }, `a whole number from 1 to ${formatCount(contactsMax)}`);

async function finland({ contacts, json }: FinlandCommandOptions): Promise<number> {
  // before anything is written: a full disk stops everybody on the machine
  requireSpace(contacts, { folder: tmpdir(), free: freeBytes(tmpdir()), fewer: "--contacts" });
  const terminal = createTerminal(json === true ? process.stderr : process.stdout, process.env);
  terminal.line();
  terminal.line(`${terminal.bold("finland")} · ${formatCount(contacts)} contacts, receipts in bodies of 100`);
  terminal.line();
  let progress: Progress | null = null;
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  // otherwise the data folder of a whole country stays behind
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupt);
  try {
    const run = await runFinland({
      contacts,
      signal: interrupted.signal,
      onBegin(what) {
        progress?.end();
        progress = null;
        terminal.line(terminal.dim(`${what} ...`));
      },
      onChange(state) {
        progress ??= createProgress(terminal, { nowMs: () => performance.now(), endsAtMs: null });
        progress.show(state);
      },
    });
    showFinland(terminal, run);
    if (json === true) process.stdout.write(`${JSON.stringify(toJson(run))}\n`);
    return run.lawsBroken.length === 0 ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    return interruptedExitCode;
  } finally {
    (progress as Progress | null)?.end();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupt);
  }
}

function toJson(run: FinlandRun) {
  return {
    contacts: run.contacts,
    start_s: run.startSeconds,
    file_s: run.fileSeconds,
    create_s: run.createSeconds,
    submit_s: run.sending.submit,
    receipts_s: run.sending.receipts,
    settle_s: run.sending.settle,
    total_s: run.totalSeconds,
    laws_s: run.lawsSeconds,
    counts: run.campaign.counts,
    parts_sent: run.campaign.partsSent,
    peak_rss_mib_create: run.peakRssMib.create,
    peak_rss_mib_send: run.peakRssMib.send,
    cpu_us_per_message: run.cpuMicrosPerMessage,
    lab_peak_rss_mib: run.labPeakMib,
    disk_bytes_create: run.diskBytes.create,
    disk_bytes_send: run.diskBytes.send,
    laws_broken: run.lawsBroken,
    rows_compared: run.laws.rowsCompared,
  };
}
