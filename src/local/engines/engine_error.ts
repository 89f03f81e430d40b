// The one error class of the engines and the supervisor: three lines for a person. The command line
// prints them and exits.

export type EngineErrorKind = "failed" | "wrongUse" | "noAnswer";

/** What happened, why, and what to do: one line each. */
export class EngineError extends Error {
  readonly why: string;
  readonly remedy: string;
  /**
   * failed: it answers, but cannot do it. wrongUse: a setting is wrong. noAnswer: nothing answers.
   * Determines the exit code of the command line.
   */
  readonly kind: EngineErrorKind;

  constructor(what: string, why: string, remedy: string, cause?: unknown, kind: EngineErrorKind = "failed") {
    super(what, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.name = "EngineError";
    this.why = why;
    this.remedy = remedy;
  }
}

/** Wraps something caught: its message becomes the reason. */
export function engineErrorFrom(what: string, cause: unknown, remedy: string): EngineError {
  if (cause instanceof EngineError) return cause;
  return new EngineError(what, cause instanceof Error ? cause.message : String(cause), remedy, cause);
}
