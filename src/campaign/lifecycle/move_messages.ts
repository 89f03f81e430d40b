// The one statement that moves many messages of one campaign up, adds to its counters and writes
// its outbox row. Called by receipts (what the carrier reports later) and dispatch (what it answers
// at once), with the campaign locked by an earlier statement.
import {
  type BulksmsStatus,
  firstFinalStatus,
  isMessageIn,
  type MessageStatus,
  messageSets,
  messageStatuses,
  type ReceiptStatus,
  receiptStatuses,
} from "../../contracts/states.ts";
import type { TransactionSql } from "../../platform/postgres.ts";
import { countersObject, perStatus, statusList } from "../../platform/state_sql.ts";

/** The new status of a message, with its error code. */
export interface Verdict {
  status: ReceiptStatus;
  errorCode: string | null;
}

/**
 * Verdicts on messages of one campaign. Numbers in one map instead of one object per message: a
 * batch has thousands of them.
 */
export interface Verdicts {
  /** Row number -> index into `kinds`. */
  kindOf: Map<number, number>;
  /** The distinct verdicts: a handful, unless somebody invents error codes. */
  kinds: Verdict[];
}

/** The counters of a campaign after a change, as published on bulksms_progress. */
export interface CampaignProgress {
  bulksmsId: string;
  workspaceId: string;
  status: BulksmsStatus;
  contacts: number;
  partsSent: bigint;
  /** What the sent messages cost. */
  chargedMilli: bigint;
  counts: Record<MessageStatus, number>;
  /** Of those expired: sent, and no receipt comes from there. */
  unconfirmed: number;
  version: bigint;
}

export interface MovedMessages {
  /** null if nothing moved. */
  progress: CampaignProgress | null;
  partsCharged: bigint;
  /**
   * Rows that did not change: they are in that state already, in a higher or final one, or do not
   * exist.
   */
  unmoved: number[];
}

/**
 * Longest range of rows that one statement covers: its verdicts are sent as one byte per row (twice
 * that on the wire). Rows further apart go in several statements.
 */
const spanRowsMax = 262_144;
/** One byte selects the verdict: distinct (status, error code) pairs of one statement. */
const distinctVerdictsMax = 256;

/**
 * Moves messages by their verdicts. Rows must lie within 1..contacts, otherwise a forged row number
 * would cost memory. Locks the messages, then writes the campaign, which the transaction must
 * already have locked FOR NO KEY UPDATE.
 */
export async function moveMessages(transaction: TransactionSql, bulksmsId: string, verdicts: Verdicts): Promise<MovedMessages> {
  const segments = cutSegments(verdicts);
  const results = await Promise.all(segments.map((segment) => moveSegment(transaction, bulksmsId, segment)));
  const moved: MovedMessages = { progress: null, partsCharged: 0n, unmoved: [] };
  for (const result of results) {
    moved.progress = result.progress ?? moved.progress;
    moved.partsCharged += result.partsCharged;
    for (const rowNo of result.unmoved) moved.unmoved.push(rowNo);
  }
  return moved;
}

export const emptyVerdicts = (): Verdicts => ({ kindOf: new Map(), kinds: [] });

/** Sets the verdict of a row, replacing any earlier one. */
export function setVerdict({ kindOf, kinds }: Verdicts, rowNo: number, { status, errorCode }: Verdict): void {
  let kind = 0;
  while (kind < kinds.length && (kinds[kind]?.status !== status || kinds[kind]?.errorCode !== errorCode)) kind++;
  if (kind === kinds.length) kinds.push({ status, errorCode });
  kindOf.set(rowNo, kind);
}

interface Segment {
  firstRow: number;
  rowNos: Int32Array;
  /** One byte per row from firstRow on: index into statuses and errorCodes. */
  bytes: Buffer;
  statuses: ReceiptStatus[];
  errorCodes: (string | null)[];
}

/** Splits verdicts into ranges that fit one statement each. */
function cutSegments({ kindOf, kinds }: Verdicts): Segment[] {
  const sorted = Int32Array.from(kindOf.keys()).sort();
  const segments: Segment[] = [];
  let begin = 0;
  while (begin < sorted.length) {
    const firstRow = sorted[begin] as number;
    const indexOf = new Map<number, number>();
    let end = begin;
    for (; end < sorted.length; end++) {
      const rowNo = sorted[end] as number;
      if (rowNo - firstRow >= spanRowsMax) break;
      const kind = kindOf.get(rowNo) as number;
      if (indexOf.has(kind)) continue;
      if (indexOf.size === distinctVerdictsMax) break;
      indexOf.set(kind, indexOf.size);
    }
    const rowNos = sorted.subarray(begin, end);
    const bytes = Buffer.alloc((rowNos.at(-1) as number) - firstRow + 1);
    for (const rowNo of rowNos) bytes[rowNo - firstRow] = indexOf.get(kindOf.get(rowNo) as number) as number;
    const used = [...indexOf.keys()].map((kind) => kinds[kind] as Verdict);
    segments.push({
      firstRow,
      rowNos,
      bytes,
      statuses: used.map(({ status }) => status),
      errorCodes: used.map(({ errorCode }) => errorCode),
    });
    begin = end;
  }
  return segments;
}

interface MovedRow {
  partsCharged: bigint;
  movedRows: string | null;
  status: BulksmsStatus | null;
  workspaceId: string;
  contacts: number;
  partsSent: bigint;
  chargedMilli: bigint;
  version: bigint;
  counts: Record<MessageStatus, number>;
  unconfirmed: number;
}

/** A message moves from an open state to one that a receipt reports; other counters stay. */
const isEntered = (status: MessageStatus): boolean => (receiptStatuses as readonly MessageStatus[]).includes(status);
const isLeft = (status: MessageStatus): boolean => isMessageIn("open", status);
const changingStatuses = messageStatuses.filter((status) => isEntered(status) || isLeft(status));

/** By how much the moved messages change the counter of this state. */
function changeOf(status: MessageStatus): string {
  const count = (when: "before" | "after") => `count(*) filter (where ${when} = '${status}')`;
  return [isEntered(status) ? count("after") : "0", ...(isLeft(status) ? [count("before")] : [])].join(" - ");
}

/**
 * One statement for all targets: a row's verdict is looked up by its byte. Measured against one
 * UPDATE per target and against unnested pairs: best for small batches, and one round trip
 * (decision 002).
 */
async function moveSegment(transaction: TransactionSql, bulksmsId: string, segment: Segment): Promise<MovedMessages> {
  const charging = statusList(transaction, messageSets.charging);
  const firstFinal = statusList(transaction, [firstFinalStatus]);
  const target = transaction`v.statuses[get_byte(v.bytes, m.row_no - v.first_row) + 1]`;
  const rows = await transaction<MovedRow[]>`
    with moved as (
      update bulksms_info m set
        status = case when m.status = 'sent' and ${target} = 'failed' then 'undelivered' else ${target} end,
        error_code = coalesce(v.error_codes[get_byte(v.bytes, m.row_no - v.first_row) + 1], m.error_code),
        sent_at = case when m.sent_at is null and ${target} in (${charging}) then now() else m.sent_at end,
        done_at = case when ${target} >= ${firstFinal} then now() end
      from (select ${bulksmsId}::uuid as bulksms_id, ${segment.firstRow}::int as first_row, ${segment.bytes}::bytea as bytes,
        ${segment.statuses}::message_status[] as statuses, ${segment.errorCodes}::text[] as error_codes) v
      where m.bulksms_id = v.bulksms_id and m.row_no = any (${integers(segment.rowNos)}::int[]) and m.status < least(${target}, ${firstFinal})
      returning m.row_no, old.status as before, new.status as after,
        case when old.sent_at is null and new.sent_at is not null then m.parts else 0 end as parts_charged,
        case when old.sent_at is null and new.sent_at is not null then m.cost_milli else 0 end as milli_charged
    ), counted as (
      select count(*) as moved, array_agg(row_no)::text as moved_rows, coalesce(sum(parts_charged), 0)::bigint as parts_charged,
        coalesce(sum(milli_charged), 0)::bigint as milli_charged,
        ${perStatus(transaction, changingStatuses, (status) => `${changeOf(status)} as ${status}`)}
      from moved
    ), campaign as (
      update bulksms b set
        ${perStatus(transaction, changingStatuses, (status) => `${status} = b.${status} + c.${status}`)},
        parts_sent = b.parts_sent + c.parts_charged, charged_milli = b.charged_milli + c.milli_charged, version = b.version + 1
      from counted c
      where b.id = ${bulksmsId} and c.moved > 0
      returning b.*
    ), charged as (
      insert into credit_outbox (bulksms_id, hold_id, parts, amount)
      select b.id, b.hold_id, c.parts_charged, c.milli_charged from campaign b, counted c where c.parts_charged > 0
    )
    select c.parts_charged as "partsCharged", case when c.moved < ${segment.rowNos.length} then coalesce(c.moved_rows, '{}') end as "movedRows",
      b.status, b.workspace_id as "workspaceId", b.contacts, b.parts_sent as "partsSent", b.charged_milli as "chargedMilli", b.version,
      b.unconfirmed, ${countersObject(transaction, "b")} as counts
    from counted c left join campaign b on true`;
  const row = rows[0] as MovedRow;
  return {
    progress: row.status === null ? null : toProgress(bulksmsId, { ...row, status: row.status }),
    partsCharged: row.partsCharged,
    unmoved: row.movedRows === null ? [] : without(segment.rowNos, row.movedRows),
  };
}

function toProgress(bulksmsId: string, row: Omit<CampaignProgress, "bulksmsId">): CampaignProgress {
  const { workspaceId, status, contacts, partsSent, chargedMilli, counts, unconfirmed, version } = row;
  return { bulksmsId, workspaceId, status, contacts, partsSent, chargedMilli, counts, unconfirmed, version };
}

/** A Postgres array literal; the client itself would quote every number. */
export function integers(numbers: readonly number[] | Int32Array): string {
  return `{${numbers.join(",")}}`;
}

/** Number of messages that have not ended yet. */
export function openMessages(progress: Pick<CampaignProgress, "counts">): number {
  return messageSets.open.reduce((sum, status) => sum + progress.counts[status], 0);
}

function without(rowNos: Int32Array, takenLiteral: string): number[] {
  const taken = new Set(takenLiteral.slice(1, -1).split(",").map(Number));
  return [...rowNos.filter((rowNo) => !taken.has(rowNo))];
}
