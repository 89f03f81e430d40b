// Any error as three lines for a person - what happened, why, what to do - and the exit code that
// goes with it.
import { AppError, isAppError } from "../contracts/errors.ts";
import { EngineError } from "../local/engines/engine_error.ts";
import { ConfigError } from "../platform/config.ts";
import { isForeignServer } from "../platform/postgres.ts";
import { shownLines } from "./shown_text.ts";

/** Exit codes of every subcommand. */
export const exitCodes = { ok: 0, failed: 1, wrongUse: 2, noAnswer: 3 } as const;

export interface ErrorReport {
  what: string;
  why: string;
  remedy: string;
  exitCode: number;
}

/** Prints to standard error. @returns the exit code */
export function reportError(error: unknown): number {
  const { what, why, remedy, exitCode } = describeError(error);
  process.stderr.write(`\n  ${what}\n  ${shownLines(why).replaceAll("\n", "\n  ")}\n  ${remedy}\n\n`);
  return exitCode;
}

export function describeError(error: unknown): ErrorReport {
  if (error instanceof ConfigError) {
    const remedy = "npx bulksms settings lists every setting with its limits and default";
    return { what: "the settings are wrong", why: error.problems.join("\n"), remedy, exitCode: exitCodes.wrongUse };
  }
  if (error instanceof EngineError) return { what: error.message, why: error.why, remedy: error.remedy, exitCode: exitCodes[error.kind] };
  if (isAppError(error, "service_unavailable", "deadline_exceeded")) {
    return {
      what: "a service does not answer",
      why: error.message,
      remedy: "is it up? `npx bulksms up` starts all of them",
      exitCode: exitCodes.noAnswer,
    };
  }
  if (isForeignServer(error)) {
    return {
      what: "another database answers",
      why: `${(error as Error).message}: the server at this address is not the one that this system ran on`,
      remedy: "has the system ended? `npx bulksms up` starts it again",
      exitCode: exitCodes.noAnswer,
    };
  }
  if (error instanceof AppError)
    return { what: "refused", why: error.message, remedy: `error code ${error.code}`, exitCode: exitCodes.failed };
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    what: "bulksms met an unexpected error",
    why,
    remedy: "please report it with the lines above",
    exitCode: exitCodes.failed,
  };
}
