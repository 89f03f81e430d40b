// Reads the body of a submit: what it may say, and the digest by which a repeat shows whether it
// carries the same message.
import { AppError } from "../contracts/errors.ts";
import { rowNoMax, submitMessagesMax, submitRequest } from "../contracts/receipts.ts";
import { mixed } from "./random.ts";

export interface SubmitMessage {
  rowNo: number;
  to: string;
  parts: number;
  digestLow: number;
  digestHigh: number;
}

export interface Submit {
  batchId: string;
  validUntilMs: number;
  /** By row_no. */
  messages: SubmitMessage[];
  /** Sum over the messages: what the rate limit counts. */
  parts: number;
}

/**
 * A body whose rows lie further apart would touch more files than one commit should. Rows side by
 * side need one or two.
 */
export const bodySegmentsMax = 256;

/**
 * @param body parsed JSON
 * @throws AppError request_invalid, field_unknown, body_too_large; the body has had no effect
 */
export function readSubmit(body: unknown): Submit {
  const request = isPlainlyValid(body) ? body : strictlyRead(body);
  const validUntilMs = Date.parse(request.valid_until);
  const common = digestOf(`${request.sender}\n${validUntilMs}`, 0x243f6a88, 0x85a308d3);
  const withBodyText = request.text === undefined ? null : digestOf(request.text, common.low, common.high);
  let parts = 0;
  const messages = request.messages.map((message): SubmitMessage => {
    parts += message.parts;
    const text = message.text === undefined ? withBodyText : digestOf(message.text, common.low, common.high);
    if (text === null) throw new AppError("request_invalid", `messages: row ${message.row_no} has no text, and neither has the body`);
    const digest = digestOf(message.to, text.low ^ message.parts, text.high);
    return { rowNo: message.row_no, to: message.to, parts: message.parts, digestLow: digest.low, digestHigh: digest.high };
  });
  sortByRow(messages);
  return { batchId: request.batch_id.toLowerCase(), validUntilMs, messages, parts };
}

interface PlainRequest {
  batch_id: string;
  sender: string;
  text?: string | undefined;
  valid_until: string;
  messages: { row_no: number; to: string; parts: number; text?: string | undefined }[];
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const instant = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/;
const msisdn = /^\+\d{7,15}$/;

/**
 * The rules of the contract's schema by hand, several times faster: a body of thousands goes
 * through here. A `false` only means that the schema must look closer (and say what is wrong); a
 * test compares the two.
 */
export function isPlainlyValid(body: unknown): body is PlainRequest {
  if (typeof body !== "object" || body === null) return false;
  const { batch_id, sender, text, valid_until, messages, ...unknown } = body as Record<string, unknown>;
  for (const _name in unknown) return false;
  if (typeof batch_id !== "string" || !uuid.test(batch_id)) return false;
  if (typeof sender !== "string" || sender.length < 1 || sender.length > 16) return false;
  if (text !== undefined && (typeof text !== "string" || text.length > 2_000)) return false;
  if (typeof valid_until !== "string" || !instant.test(valid_until)) return false;
  if (!isRealDate(valid_until) || !Array.isArray(messages) || messages.length < 1 || messages.length > submitMessagesMax) return false;
  return messages.every(isPlainMessage);
}

function isPlainMessage(message: unknown): boolean {
  if (typeof message !== "object" || message === null) return false;
  for (const name in message) if (name !== "row_no" && name !== "to" && name !== "parts" && name !== "text") return false;
  const { row_no, to, parts, text } = message as Record<string, unknown>;
  return (
    Number.isInteger(row_no) &&
    (row_no as number) >= 1 &&
    (row_no as number) <= rowNoMax &&
    typeof to === "string" &&
    msisdn.test(to) &&
    Number.isInteger(parts) &&
    (parts as number) >= 1 &&
    (parts as number) <= 255 &&
    (text === undefined || (typeof text === "string" && text.length <= 2_000))
  );
}

/** No 30th of February: it would be read as a day in March. */
function isRealDate(instantText: string): boolean {
  const timeMs = Date.parse(instantText);
  return !Number.isNaN(timeMs) && new Date(timeMs).getUTCDate() === Number(instantText.slice(8, 10));
}

/** Problems named in one answer; a body can have thousands. */
const problemsShownMax = 10;

function strictlyRead(body: unknown): PlainRequest {
  const messages = (body as { messages?: unknown } | null)?.messages;
  if (Array.isArray(messages) && messages.length > submitMessagesMax) {
    throw new AppError("body_too_large", `${messages.length} messages in one body; at most ${submitMessagesMax}.`, {
      details: { messages_max: submitMessagesMax },
    });
  }
  const read = submitRequest.safeParse(body);
  if (read.success) return read.data;
  const { issues } = read.error;
  const problems = issues.slice(0, problemsShownMax).map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  const isUnknownField = issues.every(({ code }) => code === "unrecognized_keys");
  throw new AppError(isUnknownField ? "field_unknown" : "request_invalid", problems.join("; "), { details: { problems } });
}

/**
 * @throws AppError request_invalid when a row stands twice: one of the two would vanish as the
 * other's repeat
 */
function sortByRow(messages: SubmitMessage[]): void {
  const isInOrder = messages.every((message, at) => at === 0 || (messages[at - 1] as SubmitMessage).rowNo < message.rowNo);
  if (isInOrder) return;
  messages.sort((a, b) => a.rowNo - b.rowNo);
  const doubled = messages.find((message, at) => at > 0 && (messages[at - 1] as SubmitMessage).rowNo === message.rowNo);
  if (doubled !== undefined) throw new AppError("request_invalid", `messages: row_no ${doubled.rowNo} stands twice in one body`);
}

interface Digest {
  low: number;
  high: number;
}

/**
 * 64 bits that tell two messages apart by accident, not by malice: two multiplicative hashes over
 * the characters, finished well.
 */
export function digestOf(text: string, low: number, high: number): Digest {
  let a = low | 0;
  let b = high | 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    a = Math.imul(a ^ character, 0x01000193);
    b = Math.imul(b + character, 0x85ebca6b) ^ (b >>> 13);
  }
  a = mixed(a ^ text.length);
  b = mixed(b ^ a);
  return { low: a >>> 0, high: b >>> 0 };
}
