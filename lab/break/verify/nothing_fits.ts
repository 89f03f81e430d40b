// The error for an `--only` that matches nothing: a typo, not a failure of the system, so nothing
// is started for it.
import { Failure } from "../../../src/cli/failure.ts";
import { exitCodes } from "../../../src/cli/report_error.ts";
import { nearest } from "../../../src/platform/config.ts";

/** `noun` is what `--only` selects, `names` are all choices, `command` runs them all. */
export function nothingFits(noun: string, wanted: string, names: readonly string[], command: string): Failure {
  const found = nearest(wanted.trim(), names);
  return new Failure(
    exitCodes.wrongUse,
    `no ${noun} fits "${wanted}"`,
    `there are ${names.length}, the nearest name is ${found}`,
    `${command} -- --only '${found}', or without --only for all of them`,
  );
}
