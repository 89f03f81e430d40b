// Commits a batch of receipts in one transaction: locks campaigns, folds, moves rows up, charges
// what was sent, keeps what no row could take. Called only by the receipt batcher; a batch is
// atomic, and repeating it changes nothing.
import { type AnomalyKind, campaignSets, isMessageIn, type MessageStatus, type ReceiptStatus } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";
import { statusIn } from "../../platform/state_sql.ts";
import { foldVerdict, isFinal, isImplied } from "../lifecycle/message_state.ts";
import {
  type CampaignProgress,
  emptyVerdicts,
  integers,
  moveMessages,
  setVerdict,
  type Verdict,
  type Verdicts,
} from "../lifecycle/move_messages.ts";
import { type ReceiptAnomaly, type ReceiptColumns, storableJson } from "./receipt_parse.ts";

export interface CommittedReceipts {
  /** Campaigns that changed. */
  changed: CampaignProgress[];
  /** Whether an outbox row was written, so that the relay must be rung. */
  hasCharge: boolean;
  /** Anomalies of the batch by kind (a repeat counts them again). */
  anomalies: Partial<Record<AnomalyKind, number>>;
}

/**
 * Commits a batch, made of the bodies of many requests. Locks: its campaigns in id order FOR NO KEY
 * UPDATE, then their messages, then the counters.
 * @throws the database's data error (the batch holds a poison message), or AppError
 * service_unavailable
 */
export async function commitReceipts(sql: Sql, batch: readonly ReceiptColumns[]): Promise<CommittedReceipts> {
  return inTransaction(sql, (transaction) => applyReceipts(transaction, null, batch));
}

/**
 * The same within a transaction of the caller, which may have locked some of its campaigns.
 * @param carrierId whose receipts these are: they move its messages alone; null: the simulator
 * behind the own dialect
 * @param locked what `lockReported` gave for the campaigns of the batch, if the caller has asked
 */
export async function applyReceipts(
  transaction: TransactionSql,
  carrierId: string | null,
  batch: readonly ReceiptColumns[],
  locked?: ReadonlyMap<string, number>,
): Promise<CommittedReceipts> {
  const campaigns = foldByCampaign(batch);
  const anomalies: JudgedAnomaly[] = batch.flatMap((columns) => columns.anomalies).map((anomaly) => ({ ...anomaly, messageStatus: null }));
  const contactsOf = locked ?? (await lockReported(transaction, carrierId, [...campaigns.keys()]));
  const moves = [];
  for (const [bulksmsId, folded] of campaigns) {
    const known = onlyKnown(folded, contactsOf.get(bulksmsId) ?? 0);
    if (known.unknown.size > 0) judgeEach(batch, bulksmsId, known.unknown, new Map(), anomalies);
    if (known.verdicts.kindOf.size > 0) moves.push(moveAndJudge(transaction, batch, bulksmsId, known, anomalies));
  }
  const moved = await Promise.all(moves);
  if (anomalies.length > 0) await keepAnomalies(transaction, anomalies);
  reachFailpoint("receipts_uncommitted");
  return {
    changed: moved.flatMap(({ progress }) => (progress === null ? [] : [progress])),
    hasCharge: moved.some(({ partsCharged }) => partsCharged > 0n),
    anomalies: countByKind(anomalies),
  };
}

/** All receipts of a batch for one campaign, folded. */
interface FoldedCampaign {
  verdicts: Verdicts;
  /** Rows with a receipt that another one of the batch contradicts. */
  disputed: Set<number>;
}
type JudgedAnomaly = ReceiptAnomaly & { messageStatus: MessageStatus | null };

/** By campaign, in id order. */
function foldByCampaign(batch: readonly ReceiptColumns[]): Map<string, FoldedCampaign> {
  const campaigns = new Map<string, FoldedCampaign>();
  let lastId = "";
  let last: FoldedCampaign = { verdicts: emptyVerdicts(), disputed: new Set() };
  for (const { length, bulksmsIds, rowNos, statuses, errorCodes } of batch) {
    for (let n = 0; n < length; n++) {
      const rowNo = rowNos[n] as number;
      if (rowNo === 0) continue;
      const bulksmsId = bulksmsIds[n] as string;
      if (bulksmsId !== lastId) {
        lastId = bulksmsId;
        last = campaigns.get(bulksmsId) ?? { verdicts: emptyVerdicts(), disputed: new Set() };
        campaigns.set(bulksmsId, last);
      }
      fold(last, rowNo, statuses[n] as ReceiptStatus, errorCodes[n] as string | null);
    }
  }
  return new Map([...campaigns].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function fold({ verdicts, disputed }: FoldedCampaign, rowNo: number, status: ReceiptStatus, errorCode: string | null): void {
  const kind = verdicts.kindOf.get(rowNo);
  if (kind === undefined) {
    setVerdict(verdicts, rowNo, { status, errorCode });
    return;
  }
  const before = verdicts.kinds[kind] as Verdict;
  const next = foldVerdict(before.status, status);
  if (next !== before.status) setVerdict(verdicts, rowNo, { status: next, errorCode: errorCode ?? before.errorCode });
  // a receipt that is not final contradicts nothing, and implies those before it
  if (isFinal(next) && (!isImplied(next, status) || !isImplied(next, before.status))) disputed.add(rowNo);
}

/**
 * Locks campaigns in id order and returns the number of contacts of each. Campaigns that never ran
 * are left out: no carrier can report on them, and there is no hold to charge. So are those of
 * other carriers.
 */
export async function lockReported(
  transaction: TransactionSql,
  carrierId: string | null,
  ids: readonly string[],
): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  const rows = await transaction<{ id: string; contacts: number }[]>`
    select id, contacts from bulksms
    where id = any (${[...ids]}::uuid[]) and ${statusIn(transaction, "status", campaignSets.ran)} and hold_id is not null
      and carrier_id is not distinct from ${carrierId}::uuid
    order by id for no key update`;
  return new Map(rows.map(({ id, contacts }) => [id, contacts]));
}

/** Drops rows that the campaign does not have, before a forged row number can cost memory. */
function onlyKnown({ verdicts, disputed }: FoldedCampaign, contacts: number): FoldedCampaign & { unknown: Set<number> } {
  const unknown = new Set<number>();
  for (const rowNo of verdicts.kindOf.keys()) if (rowNo > contacts) unknown.add(rowNo);
  if (unknown.size === 0) return { verdicts, disputed, unknown };
  const kindOf = new Map([...verdicts.kindOf].filter(([rowNo]) => rowNo <= contacts));
  return { verdicts: { kindOf, kinds: verdicts.kinds }, disputed: new Set([...disputed].filter((rowNo) => rowNo <= contacts)), unknown };
}

async function moveAndJudge(
  transaction: TransactionSql,
  batch: readonly ReceiptColumns[],
  bulksmsId: string,
  { verdicts, disputed }: FoldedCampaign,
  anomalies: JudgedAnomaly[],
) {
  const moved = await moveMessages(transaction, bulksmsId, verdicts);
  // possibly refused: rows that did not move, and rows with contradicting receipts in the batch
  const suspects = new Set([...moved.unmoved, ...disputed]);
  if (suspects.size > 0) judgeEach(batch, bulksmsId, suspects, await readStatuses(transaction, bulksmsId, [...suspects]), anomalies);
  return moved;
}

/**
 * Keeps each receipt of these rows that the message's final state refuses and does not imply, and
 * every receipt of a row that does not exist.
 */
function judgeEach(
  batch: readonly ReceiptColumns[],
  bulksmsId: string,
  suspects: ReadonlySet<number>,
  statusOf: ReadonlyMap<number, MessageStatus>,
  anomalies: JudgedAnomaly[],
): void {
  for (const columns of batch) {
    for (let n = 0; n < columns.length; n++) {
      const rowNo = columns.rowNos[n] as number;
      if (!suspects.has(rowNo) || columns.bulksmsIds[n] !== bulksmsId) continue;
      const messageStatus = statusOf.get(rowNo) ?? null;
      if (messageStatus === null) anomalies.push({ ...columns.asAnomaly(n, "unknown_reference"), messageStatus });
      else if (isRefused(messageStatus, columns.statuses[n] as ReceiptStatus)) {
        const kind = isMessageIn("imposed", messageStatus) ? "late" : "contradiction";
        anomalies.push({ ...columns.asAnomaly(n, kind), messageStatus });
      }
    }
  }
}

const isRefused = (status: MessageStatus, receipt: ReceiptStatus) => isFinal(status) && !isImplied(status, receipt);

async function readStatuses(transaction: TransactionSql, bulksmsId: string, rowNos: number[]): Promise<Map<number, MessageStatus>> {
  const rows = await transaction<{ rowNo: number; status: MessageStatus }[]>`
    select row_no as "rowNo", status from bulksms_info where bulksms_id = ${bulksmsId} and row_no = any (${integers(rowNos)}::int[])`;
  return new Map(rows.map(({ rowNo, status }) => [rowNo, status]));
}

/** Unique by receipt id: repeating a receipt adds nothing. */
async function keepAnomalies(transaction: TransactionSql, anomalies: JudgedAnomaly[]): Promise<void> {
  const column = <K extends keyof JudgedAnomaly>(name: K) => anomalies.map((anomaly) => anomaly[name]);
  await transaction`
    insert into receipt_anomaly (receipt_id, kind, reference, bulksms_id, row_no, status, error_code, message_status, body)
    select id, kind, reference, bulksms_id, row_no, status, error_code, message_status, body::jsonb
    from unnest(${column("id")}::text[], ${column("kind")}::text[], ${column("reference")}::text[], ${column("bulksmsId")}::uuid[],
      ${column("rowNo")}::int[], ${column("status")}::text[], ${column("errorCode")}::text[], ${column("messageStatus")}::message_status[],
      ${anomalies.map(({ raw }) => storableJson(raw))}::text[])
      as a (id, kind, reference, bulksms_id, row_no, status, error_code, message_status, body)
    order by id
    on conflict (receipt_id) do nothing`;
}

function countByKind(anomalies: JudgedAnomaly[]): Partial<Record<AnomalyKind, number>> {
  const counts: Partial<Record<AnomalyKind, number>> = {};
  for (const { kind } of anomalies) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
