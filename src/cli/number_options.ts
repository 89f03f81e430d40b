// Options and arguments that are numbers, in decimal digits only: what JavaScript also accepts
// (1e3, 0x10, +5, " 5") is a slip. Used by every subcommand and by lab's.
import { InvalidArgumentError } from "commander";

export interface NumberRange {
  min: number;
  max: number;
}

/** More digits would not be an exact number any more. */
const wholeNumber = /^\d{1,15}$/;
const decimalNumber = /^\d{1,15}(?:\.\d{1,15})?$/;

/** null: not a whole number in the range. */
export function readWholeNumber(text: string, range: NumberRange): number | null {
  return wholeNumber.test(text) ? within(Number(text), range) : null;
}

/** null: not a decimal number (12 or 0.5) in the range. */
export function readDecimalNumber(text: string, range: NumberRange): number | null {
  return decimalNumber.test(text) ? within(Number(text), range) : null;
}

function within(value: number, { min, max }: NumberRange): number | null {
  return value >= min && value <= max ? value : null;
}

/**
 * For commander. The function throws InvalidArgumentError (exit code 2); `description` in place of
 * "a whole number from .. to ..".
 */
export function parseWholeNumber(range: NumberRange, description?: string): (text: string) => number {
  return (text) => {
    const value = readWholeNumber(text, range);
    if (value === null) throw new InvalidArgumentError(description ?? `a whole number from ${range.min} to ${range.max}`);
    return value;
  };
}
