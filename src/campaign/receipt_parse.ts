// Checks the receipts of one body before they may join a batch: types, ranges, NUL, references. Written by hand, because it runs once a receipt.
// Called by POST /receipts/{carrier}; the result goes to the receipt batcher.
import { createHash } from "node:crypto";
import { AppError } from "../contracts/errors.ts";
import { receiptsPerBodyMax, rowNoMax } from "../contracts/receipts.ts";
import { type AnomalyKind, type ReceiptStatus, receiptStatuses } from "../contracts/states.ts";

/** A receipt that names a message and a known state word. */
export interface MessageReceipt {
  id: string;
  reference: string;
  bulksmsId: string;
  rowNo: number;
  status: ReceiptStatus;
  errorCode: string | null;
  /** As it came, for the anomaly table. */
  raw: unknown;
}

/** A receipt that no message can take; it is kept. */
export interface ReceiptAnomaly {
  id: string;
  kind: AnomalyKind;
  reference: string;
  bulksmsId: string | null;
  rowNo: number | null;
  status: string;
  errorCode: string | null;
  raw: unknown;
}

export type CheckedReceipt = MessageReceipt | ReceiptAnomaly;

export const isAnomaly = (receipt: CheckedReceipt): receipt is ReceiptAnomaly => "kind" in receipt;

const idLengthMax = 128;
const errorCodeLengthMax = 64;
/** RFC 3339 with nine decimals and an offset has 35 characters. When it happened is kept only with what is set aside. */
const timeLengthMax = 40;
/** Longest text of a malformed receipt that is kept in a column; its raw form has the whole. */
const keptTextMax = 128;
/** Longest raw JSON of one receipt that is kept: a good one has under 400 characters. */
const rawLengthMax = 4_000;

const knownStatuses = new Set<string>(receiptStatuses);
const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const uuidLength = 36;
const dotCode = 46;
const zeroCode = 48;
const rowNoDigitsMax = 10;

/**
 * The receipts of a body: one receipt, or `{"receipts": [...]}`. A bad receipt among good ones becomes an anomaly of kind `malformed`, `unknown_status` or
 * `unknown_reference`.
 * @throws AppError json_invalid, receipts_invalid: the body as a whole has not that form.
 */
export function parseReceipts(body: Buffer): CheckedReceipt[] {
  const parsed = parseBody(body);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new AppError("receipts_invalid", 'The body is neither a receipt nor {"receipts": [...]}.');
  }
  if (!("receipts" in parsed)) {
    if (!("id" in parsed || "reference" in parsed || "status" in parsed))
      throw new AppError("receipts_invalid", 'The body is neither a receipt nor {"receipts": [...]}.');
    return [checkReceipt(parsed)];
  }
  const { receipts } = parsed;
  if (!Array.isArray(receipts) || receipts.length === 0) throw new AppError("receipts_invalid", "`receipts` is not a list of receipts.");
  if (receipts.length > receiptsPerBodyMax) {
    throw new AppError("receipts_invalid", `More than ${receiptsPerBodyMax} receipts in one body.`, {
      details: { receipts_max: receiptsPerBodyMax },
    });
  }
  const last: LastReference = { prefix: "", bulksmsId: "" };
  return receipts.map((receipt) => checkReceipt(receipt, last));
}

/** One receipt as it came, judged. */
export function checkReceipt(raw: unknown, last: LastReference = { prefix: "", bulksmsId: "" }): CheckedReceipt {
  if (typeof raw !== "object" || raw === null) return malformed(raw, {});
  const { id, reference, status, error_code: errorCode, at } = raw as Record<string, unknown>;
  const isWellFormed =
    isText(id, idLengthMax) &&
    isText(reference, idLengthMax) &&
    isText(status, keptTextMax) &&
    (errorCode === undefined ||
      errorCode === null ||
      (typeof errorCode === "string" && errorCode.length <= errorCodeLengthMax && !hasNul(errorCode))) &&
    (at === undefined || (typeof at === "string" && at.length <= timeLengthMax));
  if (!isWellFormed) return malformed(raw, { id, reference, status, errorCode });

  const code = errorCode ? (errorCode as string) : null;
  const bulksmsId = readBulksmsId(reference, last);
  const rowNo = bulksmsId === null ? 0 : readRowNo(reference);
  if (bulksmsId === null || rowNo === 0) {
    return { id, kind: "unknown_reference", reference, bulksmsId: null, rowNo: null, status, errorCode: code, raw };
  }
  if (!knownStatuses.has(status)) return { id, kind: "unknown_status", reference, bulksmsId, rowNo, status, errorCode: code, raw };
  return { id, reference, bulksmsId, rowNo, status: status as ReceiptStatus, errorCode: code, raw };
}

/** The campaign that the receipt before named: most bodies speak of one, and its id need not be checked a thousand times. */
interface LastReference {
  /** 36 characters of the reference as it came. */
  prefix: string;
  bulksmsId: string;
}

/** The part before the dot, when it is a uuid. */
function readBulksmsId(reference: string, last: LastReference): string | null {
  if (reference.charCodeAt(uuidLength) !== dotCode) return null;
  if (last.prefix !== "" && reference.startsWith(last.prefix)) return last.bulksmsId;
  const prefix = reference.slice(0, uuidLength);
  const bulksmsId = prefix.toLowerCase();
  if (!uuidShape.test(bulksmsId)) return null;
  last.prefix = prefix;
  last.bulksmsId = bulksmsId;
  return bulksmsId;
}

/** The part after the dot: 1 to 2^31 - 1 without leading zeros; 0: it is not. */
function readRowNo(reference: string): number {
  const begin = uuidLength + 1;
  if (reference.length === begin || reference.length > begin + rowNoDigitsMax || reference.charCodeAt(begin) === zeroCode) return 0;
  let rowNo = 0;
  for (let index = begin; index < reference.length; index++) {
    const digit = reference.charCodeAt(index) - zeroCode;
    if (digit < 0 || digit > 9) return 0;
    rowNo = rowNo * 10 + digit;
  }
  return rowNo <= rowNoMax ? rowNo : 0;
}

/** A receipt as an anomaly: what the database refused, or what no message took. */
export function asAnomaly(receipt: CheckedReceipt, kind: AnomalyKind): ReceiptAnomaly {
  const { id, reference, bulksmsId, rowNo, status, errorCode, raw } = receipt;
  return { id, kind, reference, bulksmsId, rowNo, status, errorCode, raw };
}

/**
 * JSON text of what came, fit for jsonb: jsonb refuses NUL and lone surrogates, so text with them is kept as a string that spells them out;
 * what is too long or too deep is cut.
 */
export function storableJson(raw: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(raw) ?? "null";
  } catch {
    return '{"unreadable":true}'; // nested deeper than the stack
  }
  if (text.length > rawLengthMax) return JSON.stringify({ cut: spellOut(text.slice(0, rawLengthMax)) });
  return /\\u(0000|d[89a-f])/i.test(text) ? JSON.stringify({ raw: text }) : text;
}

function malformed(raw: unknown, given: { id?: unknown; reference?: unknown; status?: unknown; errorCode?: unknown }): ReceiptAnomaly {
  // without an id of its own, the same thing said twice is still one anomaly
  const id = isText(given.id, idLengthMax) ? given.id : `malformed:${createHash("sha256").update(storableJson(raw)).digest("hex")}`;
  const kept = (value: unknown) => (typeof value === "string" ? spellOut(value.slice(0, keptTextMax)) : "");
  return {
    id,
    kind: "malformed",
    reference: kept(given.reference),
    bulksmsId: null,
    rowNo: null,
    status: kept(given.status),
    errorCode: typeof given.errorCode === "string" ? kept(given.errorCode) : null,
    raw,
  };
}

const hasNul = (text: string) => text.includes("\u0000");
const spellOut = (text: string) => text.toWellFormed().replaceAll("\u0000", "\\u0000");
const isText = (value: unknown, lengthMax: number): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= lengthMax && !hasNul(value);

function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new AppError("json_invalid", "The body is not valid JSON.", { cause: error });
  }
}
