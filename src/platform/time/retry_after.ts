// The header Retry-After (RFC 9110, section 10.2.3), read and written.

/**
 * Milliseconds to wait, from 0 to `maxMs`; null without a header, or with one that is neither
 * seconds (decimals are tolerated) nor a date. A date is compared with this machine's wall clock,
 * which may be wrong: hence the limit, and a date that has passed is 0.
 */
export function readRetryAfter(header: string | string[] | null | undefined, maxMs: number): number | null {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (text === undefined || text === "") return null;
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : readDate(text) - Date.now();
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), maxMs);
}

/** Date.parse alone would take `-5` for a year. */
function readDate(text: string): number {
  return /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
}

/** Whole seconds for the header, rounded up: at least 1, so that nobody comes back at once. */
export function retryAfterS(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1_000));
}
