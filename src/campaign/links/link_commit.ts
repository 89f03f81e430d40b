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
import { applyReceipts, type CommittedReceipts, lockReported } from "../receipts/receipts.ts";
import { type DoubtKind, putInDoubt } from "./doubt.ts";
import type { HeldChunk, HeldRow, RowOutcome } from "./held_chunks.ts";
import type { LinkLease } from "./link_leases.ts";
import {
  findIds,
  foldParts,
  keepIds,
  keepWaiting,
  type MessageReceipt,
  type ReportedPart,
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
  /** The link's lease is renewed, whatever else there is. */
  isRenewal: boolean;
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
  /**
   * `lost`: only outcomes and receipts were written. `unasked`: there was nothing else to write;
   * these are facts, whoever holds the link.
   */
  lease: "renewed" | "lost" | "unasked";
  /**
   * The carrier rests for so long: nothing is to be submitted. 0: it does not; null: unasked.
   */
  restMs: number | null;
  /** Intents that were granted: since when, and the end of their validity. */
  granted: Map<HeldChunk, GrantedIntent>;
  changed: CampaignProgress[];
  hasCharge: boolean;
  anomalies: Partial<Record<AnomalyKind, number>>;
}

/** @throws AppError service_unavailable: nothing was written, the same work may be tried again */
export async function commitLink(sql: Sql, lease: LinkLease, leaseMs: number, terms: LinkTerms, work: LinkWork): Promise<CommittedLink> {
  return inTransaction(sql, async (transaction) => {
    const ids = idsOf(work.outcomes);
    // statements that need nothing of each other travel together, and run in this order
    const [held, receipts] = await Promise.all([
      needsLease(work) ? renewLease(transaction, lease, leaseMs) : null,
      readReceipts(transaction, lease.carrierId, work.receipts, ids),
    ]);
    const isMine = held?.isMine === true;
    const reported = [...new Set(receipts.known.map(({ id }) => id.bulksmsId))];
    const [campaigns, contactsOf] = await Promise.all([
      lockCampaigns(transaction, work, reported),
      lockReported(transaction, lease.carrierId, reported),
    ]);
    const [moved] = await Promise.all([
      Promise.all(
        [...byCampaign(work.outcomes)].map(([bulksmsId, outcomes]) =>
          moveMessages(transaction, bulksmsId, verdictsOf(outcomes, terms.chargeOn)),
        ),
      ),
      keepIds(transaction, lease.carrierId, ids),
    ]);
    const changed: CampaignProgress[] = moved.flatMap(({ progress }) => (progress === null ? [] : [progress]));
    if (isMine && work.doubt !== null) changed.push(...(await writeDoubt(transaction, lease, terms, work.doubt)));
    const applied = await writeReceipts(transaction, lease.carrierId, receipts, { contactsOf });
    const [granted] = await Promise.all([
      isMine ? writeIntents(transaction, work.intents, campaigns, leaseMs) : new Map<HeldChunk, GrantedIntent>(),
      ...(isMine ? work.complete.map(({ chunk }) => finishChunk(transaction, chunk)) : []),
      ...(isMine ? work.renewed.map(({ chunk }) => renewChunk(transaction, chunk, leaseMs)) : []),
    ]);
    reachFailpoint("link_uncommitted");
    return {
      lease: held === null ? "unasked" : held.isMine ? "renewed" : "lost",
      restMs: held === null ? null : held.restMs,
      granted,
      changed: [...changed, ...applied.changed],
      hasCharge: moved.some(({ partsCharged }) => partsCharged > 0n) || applied.hasCharge,
      anomalies: applied.anomalies,
    };
  });
}

/** Whether there is anything that only the holder may write. */
const needsLease = ({ intents, complete, renewed, doubt, isRenewal }: LinkWork): boolean =>
  isRenewal || doubt !== null || intents.length + complete.length + renewed.length > 0;

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
  known: ReportedPart[];
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
  const news = receipts.filter((receipt): receipt is CarrierReceipt & { status: ReceiptStatus } => receipt.status !== null);
  const unknown = [...new Set(news.map(({ theirId }) => theirId))].filter((id) => !newIds.has(id));
  const [waited, found] = await Promise.all([
    takeWaiting(transaction, carrierId, [...newIds.keys()]),
    findIds(transaction, carrierId, unknown),
  ]);
  const read: ReadReceipts = { known: [], unknown: [] };
  for (const receipt of [...waited, ...news]) {
    const id = newIds.get(receipt.theirId) ?? found.get(receipt.theirId);
    if (id === undefined) read.unknown.push(receipt);
    else read.known.push({ id, receipt });
  }
  return read;
}

/** In id order, all that this transaction may change. */
async function lockCampaigns(transaction: TransactionSql, work: LinkWork, reported: readonly string[]) {
  const ids = new Set([
    ...work.outcomes.map(({ held }) => held.bulksmsId),
    ...(work.doubt?.chunks ?? []).map(({ held }) => held.bulksmsId),
    ...work.intents.map(({ held }) => held.bulksmsId),
    ...[...work.complete, ...work.renewed].map(({ bulksmsId }) => bulksmsId),
    ...reported,
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
  { unclaimed = [], contactsOf }: { unclaimed?: readonly WaitingReceipt[]; contactsOf?: ReadonlyMap<string, number> } = {},
): Promise<CommittedReceipts> {
  const left = [...unclaimed, ...(await keepWaiting(transaction, carrierId, unknown))];
  const folded = await foldParts(transaction, carrierId, known);
  return applyReceipts(transaction, carrierId, [columnsOf(carrierId, folded, left)], contactsOf);
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
  const granted = await Promise.all(
    intents.map(async ({ held, intentTo }): Promise<[HeldChunk, GrantedIntent][]> => {
      const campaign = campaigns.get(held.bulksmsId);
      if (campaign?.status !== "running") return [];
      const intendedAt = await intend(transaction, held.chunk, intentTo, leaseMs);
      return intendedAt === null ? [] : [[held, { intendedAt, validUntil: new Date(intendedAt.getTime() + campaign.deadlineS * 1_000) }]];
    }),
  );
  return new Map(granted.flat());
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
