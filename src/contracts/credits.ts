// How an amount of credit is written: integer milli-credits in code and database, a decimal string
// in JSON and on screen.

export const milliPerCredit = 1000n;

/**
 * Milli-credits to the shortest exact decimal string with at least one decimal: 499900n -> "499.9",
 * 5n -> "0.005".
 */
export function formatCredits(amountMilli: bigint): string {
  const isNegative = amountMilli < 0n;
  const absolute = isNegative ? -amountMilli : amountMilli;
  const decimals = (absolute % milliPerCredit)
    .toString()
    .padStart(3, "0")
    .replace(/0{1,2}$/, "");
  return `${isNegative ? "-" : ""}${absolute / milliPerCredit}.${decimals}`;
}

/**
 * A decimal string of credits to milli-credits; null when it is not one (more than three decimals,
 * exponent, sign).
 */
export function parseCredits(text: string): bigint | null {
  const match = /^(\d{1,15})(?:\.(\d{1,3}))?$/.exec(text);
  if (match === null) return null;
  return BigInt(match[1] as string) * milliPerCredit + BigInt((match[2] ?? "").padEnd(3, "0"));
}
