// One transaction of a batch of receipts: lock campaigns, fold, move rows up, charge what was sent, keep what no row could take.
// Called by the receipt batcher alone; a batch is whole or not at all, and doing it twice changes nothing.
import type { AnomalyKind, MessageStatus, ReceiptStatus } from "../contracts/states.ts";
import { reachFailpoint } from "../platform/failpoint.ts";
import { inTransaction, type Sql, type TransactionSql } from "../platform/postgres.ts";
import { foldVerdict, isFinal, isImplied } from "./message_state.ts";
import { type CampaignProgress, integers, moveMessages, type Verdict } from "./move_messages.ts";
import { asAnomaly, type CheckedReceipt, isAnomaly, type MessageReceipt, type ReceiptAnomaly, storableJson } from "./receipt_parse.ts";

export interface CommittedReceipts {
  /** Campaigns that changed. */
  changed: CampaignProgress[];
  /** Whether an outbox row was written: ring the relay. */
  hasCharge: boolean;
  /** Anomalies by kind that the batch named (a repeat names them again). */
  anomalies: Partial<Record<AnomalyKind, number>>;
}

/**
 * Commits a batch. Locks: its campaigns in id order FOR NO KEY UPDATE, then their messages, then the counters.
 * @throws the database's data error (the batch holds a culprit), or AppError service_unavailable.
 */
export async function commitReceipts(sql: Sql, batch: readonly CheckedReceipt[]): Promise<CommittedReceipts> {
  const { campaigns, anomalies: keptAside } = sortByCampaign(batch);
  return inTransaction(sql, async (transaction) => {
    const anomalies: JudgedAnomaly[] = keptAside.map((anomaly) => ({ ...anomaly, messageStatus: null }));
    const contactsOf = await lockCampaigns(transaction, [...campaigns.keys()]);
    const moves = [];
    for (const [bulksmsId, messages] of campaigns) {
      const known = onlyKnown(messages, contactsOf.get(bulksmsId) ?? 0, anomalies);
      if (known.size > 0) moves.push(moveAndJudge(transaction, bulksmsId, known, anomalies));
    }
    const moved = await Promise.all(moves);
    if (anomalies.length > 0) await keepAnomalies(transaction, anomalies);
    reachFailpoint("receipts_uncommitted");
    return {
      changed: moved.flatMap(({ progress }) => (progress === null ? [] : [progress])),
      hasCharge: moved.some(({ partsCharged }) => partsCharged > 0n),
      anomalies: countByKind(anomalies),
    };
  });
}

/** All receipts of one message in a batch, and the verdict that they fold to. */
interface FoldedMessage {
  verdict: Verdict;
  receipts: MessageReceipt[];
}
type MessagesByRow = Map<number, FoldedMessage>;
type JudgedAnomaly = ReceiptAnomaly & { messageStatus: MessageStatus | null };

function sortByCampaign(batch: readonly CheckedReceipt[]): { campaigns: Map<string, MessagesByRow>; anomalies: ReceiptAnomaly[] } {
  const campaigns = new Map<string, MessagesByRow>();
  const anomalies: ReceiptAnomaly[] = [];
  for (const receipt of batch) {
    if (isAnomaly(receipt)) {
      anomalies.push(receipt);
      continue;
    }
    const messages = campaigns.get(receipt.bulksmsId) ?? new Map();
    if (messages.size === 0) campaigns.set(receipt.bulksmsId, messages);
    fold(messages, receipt);
  }
  const inIdOrder = [...campaigns].sort(([a], [b]) => (a < b ? -1 : 1));
  return { campaigns: new Map(inIdOrder), anomalies };
}

function fold(messages: MessagesByRow, receipt: MessageReceipt): void {
  const { rowNo, status, errorCode } = receipt;
  const message = messages.get(rowNo);
  if (message === undefined) {
    messages.set(rowNo, { verdict: { rowNo, status, errorCode }, receipts: [receipt] });
    return;
  }
  const next = foldVerdict(message.verdict.status, status);
  if (next !== message.verdict.status) message.verdict = { rowNo, status: next, errorCode: errorCode ?? message.verdict.errorCode };
  message.receipts.push(receipt);
}

/**
 * Locks campaigns in id order and says how many contacts each has. A campaign that has never run is not among them:
 * no carrier can speak of it, and there is no hold to charge.
 */
async function lockCampaigns(transaction: TransactionSql, ids: string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  const rows = await transaction<{ id: string; contacts: number }[]>`
    select id, contacts from bulksms
    where id = any (${ids}::uuid[]) and status in ('running', 'paused', 'canceling', 'settling', 'finished', 'canceled') and hold_id is not null
    order by id for no key update`;
  return new Map(rows.map(({ id, contacts }) => [id, contacts]));
}

/** Drops rows that the campaign does not have, before a forged row number can cost memory; their receipts become anomalies. */
function onlyKnown(messages: MessagesByRow, contacts: number, anomalies: JudgedAnomaly[]): MessagesByRow {
  for (const [rowNo, { receipts }] of messages) {
    if (rowNo <= contacts) continue;
    messages.delete(rowNo);
    for (const receipt of receipts) anomalies.push({ ...asAnomaly(receipt, "unknown_reference"), messageStatus: null });
  }
  return messages;
}

async function moveAndJudge(transaction: TransactionSql, bulksmsId: string, messages: MessagesByRow, anomalies: JudgedAnomaly[]) {
  const moved = await moveMessages(
    transaction,
    bulksmsId,
    [...messages.values()].map(({ verdict }) => verdict),
  );
  // refused perhaps: what did not move, and what a later receipt of the same batch speaks against
  const suspects = new Set(moved.unmoved);
  for (const { verdict, receipts } of messages.values()) {
    if (receipts.length > 1 && isFinal(verdict.status) && receipts.some(({ status }) => !isImplied(verdict.status, status)))
      suspects.add(verdict.rowNo);
  }
  if (suspects.size > 0) {
    const statusOf = await readStatuses(transaction, bulksmsId, [...suspects]);
    for (const rowNo of suspects) judge((messages.get(rowNo) as FoldedMessage).receipts, statusOf.get(rowNo), anomalies);
  }
  return moved;
}

/** Keeps each receipt that the message's final state refuses and does not imply. */
function judge(receipts: MessageReceipt[], status: MessageStatus | undefined, anomalies: JudgedAnomaly[]): void {
  for (const receipt of receipts) {
    if (status === undefined) anomalies.push({ ...asAnomaly(receipt, "unknown_reference"), messageStatus: null });
    else if (isRefused(status, receipt.status)) {
      const kind = status === "expired" || status === "canceled" ? "late" : "contradiction";
      anomalies.push({ ...asAnomaly(receipt, kind), messageStatus: status });
    }
  }
}

const isRefused = (status: MessageStatus, receipt: ReceiptStatus) => isFinal(status) && !isImplied(status, receipt);

async function readStatuses(transaction: TransactionSql, bulksmsId: string, rowNos: number[]): Promise<Map<number, MessageStatus>> {
  const rows = await transaction<{ rowNo: number; status: MessageStatus }[]>`
    select row_no as "rowNo", status from bulksms_info where bulksms_id = ${bulksmsId} and row_no = any (${integers(rowNos)}::int[])`;
  return new Map(rows.map(({ rowNo, status }) => [rowNo, status]));
}

/** Unique by receipt id: a repeat of the same receipt adds nothing. */
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
