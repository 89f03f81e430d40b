// Times in PDUs, as validity_period has them: 16 characters `YYMMDDhhmmsstnnp` (SMPP 3.4, section
// 7.1.1). The tenth `t` is one digit; `nn` quarters of an hour from UTC, `p` their direction, or R
// for a time from now.

const secondMs = 1_000;
const tenthMs = secondMs / 10;
const dayMs = 86_400 * secondMs;
/** Months have no fixed length, so a longer time is written as this many days. */
const relativeDaysMax = 30;

/** 2026-11-30T16:59:39.999Z -> `261130165939000+`: in UTC, rounded down. */
export function absoluteTime(ms: number): string {
  return `${new Date(ms).toISOString().replace(/\D/g, "").slice(2, 14)}000+`;
}

/** 3,661,000 ms -> `000000010101000R`: rounded down to seconds, at least one, at most 30 days. */
export function relativeTime(ms: number): string {
  const seconds = Math.floor(Math.min(Math.max(ms, secondMs), relativeDaysMax * dayMs) / secondMs);
  const two = (number: number): string => String(number).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  return `0000${two(days)}${two(Math.floor(seconds / 3_600) % 24)}${two(Math.floor(seconds / 60) % 60)}${two(seconds % 60)}000R`;
}

/**
 * ms since 1970; null for any other text. A relative year has 365 days, a month 30.
 * @param nowMs what a relative time is counted from
 */
export function readTime(text: string, nowMs: number): number | null {
  const match = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([+R-])$/.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second, tenth, quarters] = match.slice(1, 9).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (match[9] === "R") {
    const days = year * 365 + month * 30 + day;
    return nowMs + days * dayMs + ((hour * 60 + minute) * 60 + second) * secondMs + tenth * tenthMs;
  }
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 || quarters > 48) return null;
  const offsetMs = quarters * 15 * 60 * secondMs * (match[9] === "+" ? 1 : -1);
  const monthIndex = month - 1;
  return Date.UTC(2000 + year, monthIndex, day, hour, minute, second, tenth * tenthMs) - offsetMs;
}
