// The closed loop of a link: one transaction writes the answers since the last, what is in doubt,
// the link's receipts and the next intent. Called by the link loop, never twice at once.
import { createHash } from "node:crypto";
import type { CarrierReceipt } from "../../carriers/link.ts";
import type { ChargeMoment } from "../../contracts/carriers.ts";
import type { AnomalyKind, BulksmsStatus, ReceiptStatus } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";
import { finishChunk, type LeasedChunk } from "../dispatch/chunk_leases.ts";
import { type CampaignProgress, emptyVerdicts, moveMessages, setVerdict, type Verdict } from "../lifecycle/move_messages.ts";
import type { ReceiptAnomaly, ReceiptColumns } from "../receipts/receipt_parse.ts";
import { applyReceipts, type CommittedReceipts } from "../receipts/receipts.ts";
import { type DoubtKind, putInDoubt } from "./doubt.ts";
import type { HeldChunk, HeldRow, RowOutcome } from "./held_chunks.ts";
import type { LinkLease } from "./link_leases.ts";
import {
  findIds,
  foldParts,
  keepIds,
  keepWaiting,
  type MessageReceipt,
  type TheirId,
  takeWaiting,
  type WaitingReceipt,
} from "./their_ids.ts";

export interface LinkWork {
  outcomes: readonly RowOutcome[];
  /** A link that is over leaves these behind. */
  doubt: { kind: DoubtKind; chunks: readonly { held: HeldChunk; rows: readonly HeldRow[] }[] } | null;
  receipts: readonly CarrierReceipt[];
  intents: readonly { held: HeldChunk; intentTo: number }[];
  /** Chunks whose last outcomes are among these: done after this commit. */
  complete: readonly HeldChunk[];
  /** Chunks whose leases are renewed, those too that are ending. */
  renewed: readonly HeldChunk[];
}

export interface LinkTerms {
  window: number;
  chargeOn: ChargeMoment;
}

export interface GrantedIntent {
  intendedAt: Date;
  validUntil: Date;
}

export interface CommittedLink {
  /** The lease was ours and alive; otherwise only outcomes and receipts were written. */
  isMine: boolean;
  /** The carrier rests for so long: nothing is to be submitted. 0: it does not. */
  restMs: number;
  /** Intents that were granted: since when, and the end of their validity. */
  granted: Map<HeldChunk, GrantedIntent>;
  changed: CampaignProgress[];
  hasCharge: boolean;
  anomalies: Partial<Record<AnomalyKind, number>>;
}

/** @throws AppError service_unavailable: nothing was written, the same work may be tried again */
export async function commitLink(sql: Sql, lease: LinkLease, leaseMs: number, terms: LinkTerms, work: LinkWork): Promise<CommittedLink> {
  return inTransaction(sql, async (transaction) => {
    const { isMine, restMs } = await renewLease(transaction, lease, leaseMs);
    const ids = idsOf(work.outcomes);
    const receipts = await readReceipts(transaction, lease.carrierId, work.receipts, ids);
    const campaigns = await lockCampaigns(transaction, work, receipts.known);
    const changed: CampaignProgress[] = [];
    let hasCharge = false;
    for (const [bulksmsId, outcomes] of byCampaign(work.outcomes)) {
      const moved = await moveMessages(transaction, bulksmsId, verdictsOf(outcomes, terms.chargeOn));
      if (moved.progress !== null) changed.push(moved.progress);
      hasCharge ||= moved.partsCharged > 0n;
    }
    await keepIds(transaction, lease.carrierId, ids);
    if (isMine && work.doubt !== null) changed.push(...(await writeDoubt(transaction, lease, terms, work.doubt)));
    const applied = await writeReceipts(transaction, lease.carrierId, receipts);
    if (isMine) for (const { chunk } of work.complete) await finishChunk(transaction, chunk);
    if (isMine) for (const { chunk } of work.renewed) await renewChunk(transaction, chunk, leaseMs);
    const granted = isMine ? await writeIntents(transaction, work.intents, campaigns, leaseMs) : new Map<HeldChunk, GrantedIntent>();
    reachFailpoint("link_uncommitted");
    return {
      isMine,
      restMs,
      granted,
      changed: [...changed, ...applied.changed],
      hasCharge: hasCharge || applied.hasCharge,
      anomalies: applied.anomalies,
    };
  });
}

/**
 * The link's chunks live as long as the link: cancel and the sweeper read their leases. And whether
 * the carrier rests: another link may have heard so.
 */
async function renewLease(transaction: TransactionSql, lease: LinkLease, leaseMs: number): Promise<{ isMine: boolean; restMs: number }> {
  const rows = await transaction<{ restMs: number }[]>`
    update carrier_link l set lease_until = clock_timestamp() + ${leaseMs}::int * interval '1 ms'
    from carrier r
    where l.carrier_id = ${lease.carrierId} and l.slot = ${lease.slot} and l.lease_owner = ${lease.owner} and l.lease_until > clock_timestamp()
      and r.id = l.carrier_id
    returning coalesce(greatest(0, extract(epoch from r.rests_until - clock_timestamp()) * 1000), 0)::float8 as "restMs"`;
  return { isMine: rows.length > 0, restMs: rows[0]?.restMs ?? 0 };
}

function idsOf(outcomes: readonly RowOutcome[]): TheirId[] {
  return outcomes.flatMap(({ held, row, outcome }) =>
    outcome.kind === "rejected"
      ? []
      : outcome.ids.map((theirId, index) => ({
          theirId,
          bulksmsId: held.bulksmsId,
          rowNo: row.rowNo,
          partNo: index + 1,
          parts: outcome.ids.length,
        })),
  );
}

export interface ReadReceipts {
  known: { id: TheirId; receipt: WaitingReceipt }[];
  unknown: WaitingReceipt[];
}

/** Which message each receipt is about; those that waited for the ids of this commit among them. */
async function readReceipts(
  transaction: TransactionSql,
  carrierId: string,
  receipts: readonly CarrierReceipt[],
  ids: readonly TheirId[],
): Promise<ReadReceipts> {
  const newIds = new Map(ids.map((id) => [id.theirId, id]));
  const waited = await takeWaiting(transaction, carrierId, [...newIds.keys()]);
  const news = receipts.filter((receipt): receipt is CarrierReceipt & { status: ReceiptStatus } => receipt.status !== null);
  const found = await findIds(
    transaction,
    carrierId,
    [...new Set(news.map(({ theirId }) => theirId))].filter((id) => !newIds.has(id)),
  );
  const read: ReadReceipts = { known: [], unknown: [] };
  for (const receipt of [...waited, ...news]) {
    const id = newIds.get(receipt.theirId) ?? found.get(receipt.theirId);
    if (id === undefined) read.unknown.push(receipt);
    else read.known.push({ id, receipt });
  }
  return read;
}

/** In id order, all that this transaction may change. */
async function lockCampaigns(transaction: TransactionSql, work: LinkWork, known: ReadReceipts["known"]) {
  const ids = new Set([
    ...work.outcomes.map(({ held }) => held.bulksmsId),
    ...(work.doubt?.chunks ?? []).map(({ held }) => held.bulksmsId),
    ...work.intents.map(({ held }) => held.bulksmsId),
    ...[...work.complete, ...work.renewed].map(({ bulksmsId }) => bulksmsId),
    ...known.map(({ id }) => id.bulksmsId),
  ]);
  if (ids.size === 0) return new Map<string, { status: BulksmsStatus; deadlineS: number }>();
  const rows = await transaction<{ id: string; status: BulksmsStatus; deadlineS: number }[]>`
    select id, status, deadline_s as "deadlineS" from bulksms where id = any (${[...ids]}::uuid[]) order by id for no key update`;
  return new Map(rows.map(({ id, ...campaign }) => [id, campaign]));
}

function byCampaign(outcomes: readonly RowOutcome[]): Map<string, RowOutcome[]> {
  const campaigns = new Map<string, RowOutcome[]>();
  for (const outcome of outcomes) {
    const known = campaigns.get(outcome.held.bulksmsId);
    if (known === undefined) campaigns.set(outcome.held.bulksmsId, [outcome]);
    else known.push(outcome);
  }
  return campaigns;
}

function verdictsOf(outcomes: readonly RowOutcome[], chargeOn: ChargeMoment) {
  const verdicts = emptyVerdicts();
  for (const { row, outcome } of outcomes) setVerdict(verdicts, row.rowNo, verdictOf(outcome, chargeOn));
  return verdicts;
}

function verdictOf(outcome: RowOutcome["outcome"], chargeOn: ChargeMoment): Verdict {
  switch (outcome.kind) {
    case "accepted":
      return { status: chargeOn === "acceptance" ? "sent" : "queued", errorCode: null };
    case "rejected":
      return { status: "failed", errorCode: outcome.errorCode };
    case "parts_rejected":
      return { status: "undelivered", errorCode: "parts_rejected" };
  }
}

function writeDoubt(transaction: TransactionSql, lease: LinkLease, { window }: LinkTerms, doubt: NonNullable<LinkWork["doubt"]>) {
  const ranges = doubt.chunks
    .map(({ held, rows }) => ({
      bulksmsId: held.bulksmsId,
      firstRow: held.chunk.firstRow,
      lastRow: held.chunk.lastRow,
      only: rows.map(({ rowNo }) => rowNo),
      intendedAt: new Map(rows.map(({ rowNo, intendedAt }) => [rowNo, intendedAt])),
    }))
    .sort((a, b) => (a.bulksmsId < b.bulksmsId ? -1 : 1));
  return putInDoubt(transaction, { carrierId: lease.carrierId, slot: lease.slot, kind: doubt.kind, bound: window }, ranges);
}

/**
 * Receipts of known messages take effect; the others wait. What finds no room, and `unclaimed` that
 * waited long enough, is an anomaly.
 */
export async function writeReceipts(
  transaction: TransactionSql,
  carrierId: string,
  { known, unknown }: ReadReceipts,
  unclaimed: readonly WaitingReceipt[] = [],
): Promise<CommittedReceipts> {
  const left = [...unclaimed, ...(await keepWaiting(transaction, carrierId, unknown))];
  const folded: MessageReceipt[] = [];
  for (const { id, receipt } of known) {
    const verdict = id.parts === 1 ? receipt : await foldParts(transaction, carrierId, id, receipt);
    folded.push({ bulksmsId: id.bulksmsId, rowNo: id.rowNo, status: verdict.status, errorCode: verdict.errorCode, receipt });
  }
  return applyReceipts(transaction, carrierId, [columnsOf(carrierId, folded, left)]);
}

/** Receipts of messages in the form that all receipts are applied in. */
export function columnsOf(carrierId: string, receipts: readonly MessageReceipt[], unknown: readonly WaitingReceipt[]): ReceiptColumns {
  const anomaly = (receipt: WaitingReceipt, kind: AnomalyKind, message: MessageReceipt | null): ReceiptAnomaly => ({
    id: createHash("sha256").update(`${carrierId}\0${receipt.theirId}\0${receipt.status}\0${receipt.raw}`).digest("hex"),
    kind,
    reference: receipt.theirId.slice(0, 128),
    bulksmsId: message?.bulksmsId ?? null,
    rowNo: message?.rowNo ?? null,
    status: receipt.status,
    errorCode: receipt.errorCode,
    raw: { carrier_id: carrierId, receipt: receipt.raw },
  });
  return {
    length: receipts.length,
    bulksmsIds: receipts.map(({ bulksmsId }) => bulksmsId),
    rowNos: receipts.map(({ rowNo }) => rowNo),
    statuses: receipts.map(({ status }) => status),
    errorCodes: receipts.map(({ errorCode }) => errorCode),
    anomalies: unknown.map((receipt) => anomaly(receipt, "unknown_reference", null)),
    asAnomaly: (n, kind) => anomaly((receipts[n] as MessageReceipt).receipt, kind, receipts[n] as MessageReceipt),
  };
}

/**
 * The intents that may be granted: the campaign runs, and neither a cancel nor another holder has
 * touched the chunk. Renews the leases of the chunks.
 */
async function writeIntents(
  transaction: TransactionSql,
  intents: LinkWork["intents"],
  campaigns: ReadonlyMap<string, { status: BulksmsStatus; deadlineS: number }>,
  leaseMs: number,
): Promise<Map<HeldChunk, GrantedIntent>> {
  const granted = new Map<HeldChunk, GrantedIntent>();
  for (const { held, intentTo } of intents) {
    const campaign = campaigns.get(held.bulksmsId);
    if (campaign?.status !== "running") continue;
    const submittedAt = await intend(transaction, held.chunk, intentTo, leaseMs);
    if (submittedAt === null) continue;
    granted.set(held, { intendedAt: submittedAt, validUntil: new Date(submittedAt.getTime() + campaign.deadlineS * 1_000) });
  }
  return granted;
}

async function renewChunk(transaction: TransactionSql, { bulksmsId, chunkNo, leaseOwner }: LeasedChunk, leaseMs: number): Promise<void> {
  await transaction`
    update bulksms_chunk set lease_until = clock_timestamp() + ${leaseMs}::int * interval '1 ms'
    where bulksms_id = ${bulksmsId} and chunk_no = ${chunkNo} and state = 'leased' and lease_owner = ${leaseOwner}`;
}

async function intend(transaction: TransactionSql, chunk: LeasedChunk, intentTo: number, leaseMs: number): Promise<Date | null> {
  const rows = await transaction<{ submittedAt: Date }[]>`
    update bulksms_chunk set intent_to = greatest(intent_to, ${intentTo}::int), lease_until = clock_timestamp() + ${leaseMs}::int * interval '1 ms',
      submitted_at = case when ${intentTo}::int > intent_to then now() else coalesce(submitted_at, now()) end
    where bulksms_id = ${chunk.bulksmsId} and chunk_no = ${chunk.chunkNo} and state = 'leased'
      and lease_owner = ${chunk.leaseOwner} and attempt = ${chunk.attempt}
    returning submitted_at as "submittedAt"`;
  return rows[0]?.submittedAt ?? null;
}
