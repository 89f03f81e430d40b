// A command that cannot do what was asked: three lines (what happened, why, what to do) and an exit
// code, for what report_error.ts cannot know.
import { isConnectionError } from "../platform/postgres.ts";
import { exitCodes } from "./report_error.ts";
import { shownLines } from "./shown_text.ts";
import { formatCreditText } from "./terminal.ts";

export class Failure extends Error {
  readonly exitCode: number;
  readonly why: string;
  readonly remedy: string;
  /** The problem+json body of the answer that it comes from. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(exitCode: number, happened: string, why: string, remedy: string, problem: Readonly<Record<string, unknown>> = {}) {
    super(happened);
    this.name = "Failure";
    this.exitCode = exitCode;
    this.why = why;
    this.remedy = remedy;
    this.problem = problem;
  }
}

/** What only a different command line can fix. */
export function wrongUse(happened: string, why: string, remedy: string): Failure {
  return new Failure(exitCodes.wrongUse, happened, why, remedy);
}

/**
 * Runs a command's work and takes its exit code. A Failure becomes its three lines; anything else
 * goes on to the command's common end.
 */
export async function endWell(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    const failure = asFailure(error);
    if (failure === null) throw error;
    process.stderr.write(linesOf(failure));
    process.exitCode = failure.exitCode;
  }
}

/** Refusals contain names of files and columns: nothing in them may move the cursor. */
export function linesOf({ message, why, remedy }: Failure): string {
  return `\n${[message, why, remedy].map((line) => `  ${shownLines(line).replaceAll("\n", "\n  ")}\n`).join("")}\n`;
}

function asFailure(error: unknown): Failure | null {
  if (error instanceof Failure) return error;
  if (!isConnectionError(error)) return null;
  const { message, code } = error as { message?: string; code?: string };
  return new Failure(exitCodes.noAnswer, "a database does not answer", message || String(code), whereToLook);
}

const whereToLook = "start the system with `npx bulksms up`, or name the folder of one that runs with --data";

/**
 * What an HTTP answer other than 2xx says, by its problem+json body. `asked`: what did not happen.
 */
export function failureOfAnswer(asked: string, status: number, body: unknown): Failure {
  const problem = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const code = typeof problem.code === "string" ? problem.code : `HTTP ${status}`;
  const detail = problem.detail ?? problem.title;
  const why = `${typeof detail === "string" && detail !== "" ? `${detail} (${code})` : code}${firstLinesOf(problem)}`;
  if (code === "insufficient_credit") return shortOfCredit(asked, problem);
  if (status === 401 || status === 403) {
    return new Failure(
      exitCodes.wrongUse,
      asked,
      why,
      "set BULKSMS_API_KEY to a key with the scopes send and read, or name a data folder with --data",
    );
  }
  if (status >= 500) return new Failure(exitCodes.noAnswer, asked, why, "check the system's log, then try again");
  return new Failure(exitCodes.failed, asked, why, remedyOf(status), problem);
}

const linesShown = 3;

/** For a file in which no row is usable: its first lines, each with its reason. */
function firstLinesOf({ lines }: Readonly<Record<string, unknown>>): string {
  if (!Array.isArray(lines) || lines.length === 0) return "";
  const shown = lines.slice(0, linesShown).map((line) => String(line).replaceAll("msisdn_", "").replaceAll("_", " "));
  return `: ${shown.join("; ")}${lines.length > linesShown ? "; ..." : ""}`;
}

function shortOfCredit(asked: string, problem: Record<string, unknown>): Failure {
  const show = (amount: unknown) => (typeof amount === "string" ? formatCreditText(amount) : "?");
  const why = `it costs ${show(problem.needed)} credits, ${show(problem.available)} are available`;
  return new Failure(exitCodes.failed, asked, why, "top the workspace up with `npx bulksms topup CREDITS`, then `npx bulksms run ID`");
}

function remedyOf(status: number): string {
  if (status === 404) return "`npx bulksms status` lists the campaigns of this key's workspace";
  if (status === 409) return "`npx bulksms status ID` shows its state now";
  return "fix it and try again; nothing was sent";
}
