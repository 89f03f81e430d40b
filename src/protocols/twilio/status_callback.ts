// The form of a status callback: what Twilio posts when a message's status changes. The simulator
// writes it, the receiver of our receipts reads it.
import { type FormFields, fieldOf } from "./form.ts";
import { apiVersion } from "./message.ts";
import { isFinalStatus } from "./statuses.ts";

export interface StatusCallback {
  sid: string;
  accountSid: string;
  status: string;
  to: string;
  from: string | null;
  messagingServiceSid: string | null;
  errorCode: number | null;
  /** When the carrier reported its end; null before. ms since 1970, to the minute. */
  doneAtMs: number | null;
}

export function formatStatusCallback(callback: StatusCallback): FormFields {
  const { sid, accountSid, status, to, from, messagingServiceSid, errorCode, doneAtMs } = callback;
  const fields: [string, string | null][] = [
    ["SmsSid", sid],
    ["SmsStatus", status],
    ["MessageStatus", status],
    ["To", to],
    ["MessagingServiceSid", messagingServiceSid],
    ["MessageSid", sid],
    ["AccountSid", accountSid],
    ["From", from],
    ["ApiVersion", apiVersion],
    ["ErrorCode", errorCode === null ? null : String(errorCode)],
    ["RawDlrDoneDate", doneAtMs === null ? null : doneDate(doneAtMs)],
  ];
  return fields.filter((field): field is [string, string] => field[1] !== null);
}

/** `YYMMDDhhmm` in UTC. */
function doneDate(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\D/g, "").slice(2, 12);
}

/** null: not a status callback. Unknown fields may stand there. */
export function parseStatusCallback(fields: FormFields): StatusCallback | null {
  const text = (name: string): string | null => fieldOf(fields, name) || null;
  const sid = text("MessageSid") ?? text("SmsSid");
  const status = text("MessageStatus") ?? text("SmsStatus");
  const accountSid = text("AccountSid");
  if (sid === null || status === null || accountSid === null) return null;
  const errorCode = text("ErrorCode");
  return {
    sid,
    accountSid,
    status,
    to: text("To") ?? "",
    from: text("From"),
    messagingServiceSid: text("MessagingServiceSid"),
    // 0 is how some of its callbacks write that there is none
    errorCode: errorCode !== null && /^[1-9]\d{0,8}$/.test(errorCode) ? Number(errorCode) : null,
    doneAtMs: isFinalStatus(status) ? parseDoneDate(text("RawDlrDoneDate")) : null,
  };
}

function parseDoneDate(text: string | null): number | null {
  const match = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(text ?? "");
  if (match === null) return null;
  const [, year, month, day, hour, minute] = match;
  const timeMs = Date.parse(`20${year}-${month}-${day}T${hour}:${minute}:00Z`);
  return Number.isNaN(timeMs) ? null : timeMs;
}
