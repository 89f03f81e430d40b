// Validates the receipts of one body before they may join a batch: types, ranges, NUL, references.
// Written by hand, because it runs once per receipt. Called by POST /receipts/{carrier}; the result
// goes to the receipt batcher.
import { createHash } from "node:crypto";
import { AppError } from "../../contracts/errors.ts";
import { isLowerCaseUuid, uuidLength } from "../../contracts/ids.ts";
import { receiptsPerBodyMax, rowNoMax } from "../../contracts/receipts.ts";
import { type AnomalyKind, type ReceiptStatus, receiptStatuses } from "../../contracts/states.ts";

/**
 * Receipts that wait for their commit, in columns: entry n of each belongs to receipt n. Objects
 * would outlive the young generation while their batch waits, and the garbage collector would copy
 * them (decision 007). What only an anomaly needs is read from the body again.
 */
export interface ReceiptColumns {
  length: number;
  /**
   * The campaign of the message; consecutive receipts share one string. Empty if no message can
   * take the receipt.
   */
  bulksmsIds: string[];
  /** 0 if no message can take the receipt; it is in `anomalies` then. */
  rowNos: number[];
  statuses: ReceiptStatus[];
  errorCodes: (string | null)[];
  anomalies: readonly ReceiptAnomaly[];
  /**
   * Receipt n as an anomaly of that kind, because the database refused it or no message took it.
   */
  asAnomaly(n: number, kind: AnomalyKind): ReceiptAnomaly;
}

/** A receipt that no message can take; it is quarantined. */
export interface ReceiptAnomaly {
  id: string;
  kind: AnomalyKind;
  reference: string;
  bulksmsId: string | null;
  rowNo: number | null;
  status: string;
  errorCode: string | null;
  /** The receipt as it came, for the anomaly table. */
  raw: unknown;
}

const idLengthMax = 128;
const errorCodeLengthMax = 64;
/**
 * RFC 3339 with nine decimals and an offset has 35 characters. The time of the event is kept only
 * for anomalies.
 */
const timeLengthMax = 40;
/** Longest text of a malformed receipt that a column keeps; the raw form has all of it. */
const keptTextMax = 128;
/** Longest raw JSON kept of one receipt; a valid receipt has under 400 characters. */
const rawLengthMax = 4_000;

/** Maps to the constant itself, so that all receipts of a status share one string. */
const knownStatuses = new Map<unknown, ReceiptStatus>(receiptStatuses.map((status) => [status, status]));
const dotCode = 46;
const zeroCode = 48;
const rowNoDigitsMax = 10;

/**
 * The receipts of a body: one receipt, or `{"receipts": [...]}`. A bad receipt among good ones
 * becomes an anomaly of kind `malformed`, `unknown_status` or `unknown_reference`.
 * @throws AppError json_invalid, receipts_invalid: the body as a whole does not have that form
 */
export function parseReceipts(body: Buffer): ReceiptColumns {
  return toColumns(() => receiptsOf(body));
}

/**
 * Validates receipts as they came. `read` returns them, and must return the same ones again for an
 * anomaly: the columns keep none of them.
 */
export function toColumns(read: () => readonly unknown[]): ReceiptColumns {
  const receipts = read();
  const { length } = receipts;
  const bulksmsIds: string[] = new Array(length).fill("");
  const rowNos: number[] = new Array(length).fill(0);
  const statuses: ReceiptStatus[] = new Array(length).fill("queued");
  const errorCodes: (string | null)[] = new Array(length).fill(null);
  const anomalies: ReceiptAnomaly[] = [];
  const last: LastReference = { prefix: "", bulksmsId: "" };
  for (let n = 0; n < length; n++) {
    const raw = receipts[n];
    const kind = kindOfAnomaly(raw, last);
    if (kind !== null) {
      anomalies.push(anomalyOf(raw, kind));
      continue;
    }
    const { reference, status, error_code: errorCode } = raw as WellFormed;
    bulksmsIds[n] = last.bulksmsId;
    rowNos[n] = readRowNo(reference);
    statuses[n] = knownStatuses.get(status) as ReceiptStatus;
    if (errorCode) errorCodes[n] = errorCode;
  }
  return { length, bulksmsIds, rowNos, statuses, errorCodes, anomalies, asAnomaly: createAnomalyReader(read) };
}

/**
 * Reads the body again only for the first anomaly: otherwise a body full of them would be read once
 * for each, with its campaign locked.
 */
function createAnomalyReader(read: () => readonly unknown[]): ReceiptColumns["asAnomaly"] {
  let receipts: readonly unknown[] | null = null;
  return (n, kind) => {
    receipts ??= read();
    return anomalyOf(receipts[n], kind);
  };
}

/** Only these receipts, each of which a message may take. */
export function pick(columns: ReceiptColumns, ns: readonly number[]): ReceiptColumns {
  return {
    length: ns.length,
    bulksmsIds: ns.map((n) => columns.bulksmsIds[n] as string),
    rowNos: ns.map((n) => columns.rowNos[n] as number),
    statuses: ns.map((n) => columns.statuses[n] as ReceiptStatus),
    errorCodes: ns.map((n) => columns.errorCodes[n] ?? null),
    anomalies: [],
    asAnomaly: (at, kind) => columns.asAnomaly(ns[at] as number, kind),
  };
}

/** Only anomalies. */
export function anomaliesAlone(anomalies: readonly ReceiptAnomaly[]): ReceiptColumns {
  return { ...toColumns(() => []), length: anomalies.length, rowNos: anomalies.map(() => 0), anomalies };
}

function receiptsOf(body: Buffer): readonly unknown[] {
  const parsed = parseBody(body);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new AppError("receipts_invalid", 'The body is neither a receipt nor {"receipts": [...]}.');
  }
  if (!("receipts" in parsed)) {
    if (!("id" in parsed || "reference" in parsed || "status" in parsed))
      throw new AppError("receipts_invalid", 'The body is neither a receipt nor {"receipts": [...]}.');
    return [parsed];
  }
  const { receipts } = parsed;
  if (!Array.isArray(receipts) || receipts.length === 0) throw new AppError("receipts_invalid", "`receipts` is not a list of receipts.");
  if (receipts.length > receiptsPerBodyMax) {
    throw new AppError("receipts_invalid", `More than ${receiptsPerBodyMax} receipts in one body.`, {
      details: { receipts_max: receiptsPerBodyMax },
    });
  }
  return receipts;
}

interface WellFormed {
  id: string;
  reference: string;
  status: string;
  error_code?: string | null;
}

/** null if a message may take it; `last` then names its campaign. */
function kindOfAnomaly(raw: unknown, last: LastReference): AnomalyKind | null {
  if (!isWellFormed(raw)) return "malformed";
  if (!readsBulksmsId(raw.reference, last) || readRowNo(raw.reference) === 0) return "unknown_reference";
  return knownStatuses.has(raw.status) ? null : "unknown_status";
}

function isWellFormed(raw: unknown): raw is WellFormed {
  if (typeof raw !== "object" || raw === null) return false;
  const { id, reference, status, error_code: errorCode, at } = raw as Record<string, unknown>;
  return (
    isText(id, idLengthMax) &&
    isText(reference, idLengthMax) &&
    isText(status, keptTextMax) &&
    (errorCode === undefined ||
      errorCode === null ||
      (typeof errorCode === "string" && errorCode.length <= errorCodeLengthMax && !hasNul(errorCode))) &&
    (at === undefined || (typeof at === "string" && at.length <= timeLengthMax))
  );
}

/**
 * The campaign of the previous receipt: most bodies concern one campaign, whose id need not be
 * checked a thousand times.
 */
interface LastReference {
  /** The first 36 characters of the reference as it came. */
  prefix: string;
  bulksmsId: string;
}

/** Reads the part before the dot into `last`; false if it is not a UUID. */
function readsBulksmsId(reference: string, last: LastReference): boolean {
  if (reference.charCodeAt(uuidLength) !== dotCode) return false;
  if (last.prefix !== "" && reference.startsWith(last.prefix)) return true;
  const prefix = reference.slice(0, uuidLength);
  const bulksmsId = prefix.toLowerCase();
  if (!isLowerCaseUuid(bulksmsId)) return false;
  last.prefix = prefix;
  last.bulksmsId = bulksmsId;
  return true;
}

/**
 * Reads the part after the dot: 1 to 2^31 - 1 without leading zeros; 0 if it is not such a number.
 */
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

/** Builds the anomaly that is stored for a receipt. */
function anomalyOf(raw: unknown, kind: AnomalyKind): ReceiptAnomaly {
  if (!isWellFormed(raw)) return malformed(raw);
  const { id, reference, status, error_code: errorCode } = raw;
  const last: LastReference = { prefix: "", bulksmsId: "" };
  const rowNo = readsBulksmsId(reference, last) ? readRowNo(reference) : 0;
  const message = rowNo === 0 ? { bulksmsId: null, rowNo: null } : { bulksmsId: last.bulksmsId, rowNo };
  return { id, kind, reference, ...message, status, errorCode: errorCode || null, raw };
}

/**
 * The receipt as JSON text that jsonb accepts. jsonb refuses NUL and lone surrogates, so text
 * containing them is stored as a string that spells them out; whatever is too long or too deep is
 * cut.
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

function malformed(raw: unknown): ReceiptAnomaly {
  const given: { id?: unknown; reference?: unknown; status?: unknown; error_code?: unknown } =
    typeof raw === "object" && raw !== null ? raw : {};
  // without an id of its own, the same receipt sent twice is still one anomaly
  const id = isText(given.id, idLengthMax) ? given.id : `malformed:${createHash("sha256").update(storableJson(raw)).digest("hex")}`;
  const kept = (value: unknown) => (typeof value === "string" ? spellOut(value.slice(0, keptTextMax)) : "");
  return {
    id,
    kind: "malformed",
    reference: kept(given.reference),
    bulksmsId: null,
    rowNo: null,
    status: kept(given.status),
    errorCode: typeof given.error_code === "string" ? kept(given.error_code) : null,
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
