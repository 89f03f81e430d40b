// The text of a delivery receipt (SMPP 3.4, appendix B, which calls it vendor specific), as
// carriers really write it: `id:0123456789 sub:001 dlvrd:001 submit date:2601311200 done
// date:2601311201 stat:DELIVRD err:000 text:Hello`, on one line.
// Fields are missing, differ in case, have a space behind their colon or nothing at all. Nothing is
// decided by the dates: their zone is unknown, and some are Unix seconds that read as a date too.

export interface ReceiptText {
  /** As it stands there; null without the field, or when it is empty. */
  id: string | null;
  sub: string | null;
  dlvrd: string | null;
  submitDate: string | null;
  doneDate: string | null;
  /** `DELIVRD`, in capitals. */
  stat: string | null;
  /** A code of the carrier: text, never a number ("0x1B", "5E", "0032"). */
  err: string | null;
  /** Beginning of the message. */
  text: string | null;
}

const fieldNames = {
  id: "id",
  sub: "sub",
  dlvrd: "dlvrd",
  submitdate: "submitDate",
  donedate: "doneDate",
  stat: "stat",
  err: "err",
  text: "text",
} as const;

const fieldStart = /(?:^|\s)(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text):/gi;

/** null: neither an id nor a state is there, so it is no receipt. */
export function readReceiptText(text: string): ReceiptText | null {
  const found: ReceiptText = { id: null, sub: null, dlvrd: null, submitDate: null, doneDate: null, stat: null, err: null, text: null };
  let last: keyof ReceiptText | null = null;
  let from = 0;
  const close = (end: number): void => {
    if (last === null || found[last] !== null) return;
    const value = text.slice(from, end).trim();
    if (value !== "") found[last] = value;
  };
  for (const match of text.matchAll(fieldStart)) {
    close(match.index);
    const name = (match[1] as string).toLowerCase().replace(/[ _]/, "") as keyof typeof fieldNames;
    last = fieldNames[name];
    from = match.index + match[0].length;
    // the rest is the message's own words, which may look like fields
    if (last === "text") break;
  }
  close(text.length);
  if (found.id === null && found.stat === null) return null;
  return { ...found, stat: found.stat?.toUpperCase() ?? null };
}

/** Which fields a carrier leaves out; `text` may be empty. */
export interface ReceiptTextFields {
  id: string;
  stat: string;
  err: string;
  /** ms since 1970; written as YYMMDDhhmm in UTC. */
  submittedAtMs: number;
  doneAtMs: number;
  text: string;
  /** Without `sub:` and `dlvrd:`, as some carriers write it. */
  isWithoutCounts?: boolean;
}

export function writeReceiptText(fields: ReceiptTextFields): string {
  const { id, stat, err, submittedAtMs, doneAtMs, text, isWithoutCounts = false } = fields;
  const counts = isWithoutCounts ? "" : ` sub:001 dlvrd:${stat === "DELIVRD" ? "001" : "000"}`;
  const dates = `submit date:${receiptDate(submittedAtMs)} done date:${receiptDate(doneAtMs)}`;
  return `id:${id}${counts} ${dates} stat:${stat} err:${err} text:${text.slice(0, 20)}`;
}

/** 2026-01-31T12:00:59Z -> 2601311200 */
function receiptDate(ms: number): string {
  return new Date(ms).toISOString().replace(/\D/g, "").slice(2, 12);
}
