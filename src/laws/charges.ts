// L3: what was charged is what was sent, from the phone network's journal over salesdb's messages
// and outbox to ds's ledger.
import { formatCredits } from "../contracts/credits.ts";
import { campaignSets, isMessageIn } from "../contracts/states.ts";
import type { TransactionSql } from "../platform/postgres.ts";
import { statusIn } from "../platform/state_sql.ts";
import type { Finding, Law } from "./law.ts";
import { type MessageFacts, nameMessage } from "./messages.ts";
import { cursorRows, onlyCampaigns, onlyWorkspace, type Snapshots } from "./snapshots.ts";

export const charges: Law = {
  name: "L3",
  title: "each sent part charged exactly once: journal = messages = outbox = ledger",
  checkRows: async (snapshots, finding) => {
    await checkCampaignSums(snapshots, finding);
    await checkSettles(snapshots, finding);
    await checkRefusedSettles(snapshots, finding);
  },
  judgeMessage: judgeSent,
};

interface CampaignSums {
  id: string;
  outbox: string;
  outboxRows: bigint;
  sentMarked: string;
  foreignHolds: bigint;
}

/**
 * One transaction marks messages as sent and writes their outbox row, so within one snapshot the
 * two are always equal.
 */
async function checkCampaignSums({ salesdb: sql, scope }: Snapshots, finding: Finding): Promise<void> {
  const rows = sql<CampaignSums[]>`
    select b.id, coalesce(o.amount, 0)::text as outbox, coalesce(o.rows, 0) as "outboxRows",
      coalesce(m.cost, 0)::text as "sentMarked", coalesce(o.foreign_holds, 0) as "foreignHolds"
    from bulksms b
    left join (
      select o.bulksms_id, sum(o.amount) as amount, count(*) as rows, count(*) filter (where r.hold_id is null) as foreign_holds
      from credit_outbox o left join bulksms_run r on r.hold_id = o.hold_id and r.bulksms_id = o.bulksms_id
      group by o.bulksms_id
    ) o on o.bulksms_id = b.id
    left join (
      select bulksms_id, sum(cost_milli) as cost from bulksms_info where sent_at is not null group by bulksms_id
    ) m on m.bulksms_id = b.id
    where (o.rows is not null or m.cost is not null) ${onlyCampaigns(sql, "b", scope)}`;
  for await (const batch of rows.cursor(cursorRows)) {
    for (const row of batch) {
      finding.compared(Number(row.outboxRows));
      const [outbox, sentMarked] = [BigInt(row.outbox), BigInt(row.sentMarked)];
      if (outbox !== sentMarked)
        finding.broken(`bulksms ${row.id}`, `outbox ${formatCredits(outbox)}, its sent messages cost ${formatCredits(sentMarked)}`);
      if (row.foreignHolds > 0n) finding.broken(`bulksms ${row.id}`, `${row.foreignHolds} outbox rows name a hold of no run of it`);
    }
  }
}

interface OutboxRow {
  id: string;
  bulksmsId: string;
  holdId: string;
  amount: bigint;
  isConfirmed: boolean;
  isEnded: boolean;
}

interface SettleRow {
  id: string;
  holdId: string;
  amount: bigint;
}

/**
 * Outbox (salesdb) against settles (ds, the later snapshot). Each side sums its rows in buckets of
 * ids, so that a million charges travel as 4,096 sums. The rows themselves are compared only where
 * the sums differ (a charge on its way, or a wrong one).
 */
async function checkSettles(snapshots: Snapshots, finding: Finding): Promise<void> {
  const holds = await holdsOfCampaign(snapshots);
  const outbox = await sumBuckets(snapshots.salesdb, selectOutbox(snapshots), ["id", "holdId", "amount"]);
  const settles = await sumBuckets(snapshots.dsAfter, selectSettles(snapshots, holds), ["id", "holdId", "amount"]);
  const differing: string[] = [];
  for (const bucket of new Set([...outbox.keys(), ...settles.keys()])) {
    const [left, right] = [outbox.get(bucket), settles.get(bucket)];
    if (left !== undefined && left.digest === right?.digest && left.rows === right.rows) finding.compared(Number(left.rows));
    else differing.push(bucket);
  }
  if (differing.length > 0) await compareSettles(snapshots, holds, differing, finding);
}

function selectOutbox({ salesdb: sql, scope }: Snapshots) {
  return sql`select o.id, o.bulksms_id as "bulksmsId", o.hold_id as "holdId", o.amount, o.confirmed_at is not null as "isConfirmed",
      ${statusIn(sql, "b.status", campaignSets.complete)} as "isEnded"
    from credit_outbox o join bulksms b on b.id = o.bulksms_id where true ${onlyCampaigns(sql, "b", scope)}`;
}

function selectSettles({ dsAfter: sql, scope }: Snapshots, holds: string[] | null) {
  return sql`select l.transfer_id as id, l.hold_id as "holdId", l.amount from credit_ledger l
    where l.kind = 'settle' ${onlyWorkspace(sql, "l.workspace_id", scope)} ${holds === null ? sql`` : sql`and l.hold_id = any(${holds})`}`;
}

/**
 * Buckets by the last three digits of the id, which are random: the number of rows, and a sum of
 * their hashes, which does not depend on the order.
 */
async function sumBuckets(
  sql: TransactionSql,
  rows: ReturnType<typeof selectOutbox>,
  columns: readonly string[],
): Promise<Map<string, { rows: bigint; digest: string }>> {
  const sums = await sql<{ bucket: string; rows: bigint; digest: string }[]>`
    select right(r.id::text, 3) as bucket, count(*) as rows, sum(hashtextextended(concat_ws('.', ${sql(columns as string[])}), 0))::text as digest
    from (${rows}) r group by 1`;
  return new Map(sums.map(({ bucket, ...sum }) => [bucket, sum]));
}

/** Walks both sides in id order; memory is one fetch of each. */
async function compareSettles(snapshots: Snapshots, holds: string[] | null, buckets: string[], finding: Finding): Promise<void> {
  const inBuckets = <T extends object>(sql: TransactionSql, rows: ReturnType<typeof selectOutbox>) =>
    rowsOf(
      sql<T[]>`select r.* from (${rows}) r where right(r.id::text, 3) = any(${buckets}) order by r.id`.cursor(cursorRows) as AsyncIterable<
        T[]
      >,
    );
  const outbox = inBuckets<OutboxRow>(snapshots.salesdb, selectOutbox(snapshots));
  const settles = inBuckets<SettleRow>(snapshots.dsAfter, selectSettles(snapshots, holds));
  const unexplained = createUnexplainedSettles(snapshots, finding);
  let [left, right] = [await outbox.next(), await settles.next()];
  while (!left.done || !right.done) {
    if (right.done || (!left.done && left.value.id < right.value.id)) {
      judgeUnsettled(left.value as OutboxRow, finding);
      left = await outbox.next();
    } else if (left.done || right.value.id < left.value.id) {
      await unexplained.add(right.value);
      right = await settles.next();
    } else {
      judgePair(left.value, right.value, finding);
      [left, right] = [await outbox.next(), await settles.next()];
    }
  }
  await unexplained.flush();
}

async function* rowsOf<T>(batches: AsyncIterable<T[]>): AsyncGenerator<T, undefined> {
  for await (const batch of batches) yield* batch;
}

/**
 * With only a campaign in scope, the ledger is narrowed to its holds; settles of other holds are
 * not judged.
 */
async function holdsOfCampaign({ salesdb, scope }: Snapshots): Promise<string[] | null> {
  if (scope.bulksmsId === undefined) return null;
  const rows = await salesdb<{ holdId: string }[]>`select hold_id as "holdId" from bulksms_run where bulksms_id = ${scope.bulksmsId}`;
  return rows.map((row) => row.holdId);
}

function judgePair(outbox: OutboxRow, settle: SettleRow, finding: Finding): void {
  finding.compared(1);
  const name = `credit_outbox ${outbox.id}`;
  if (outbox.amount !== settle.amount)
    finding.broken(name, `amount ${formatCredits(outbox.amount)}, settled as ${formatCredits(settle.amount)}`);
  if (outbox.holdId !== settle.holdId) finding.broken(name, `hold ${outbox.holdId}, settled from hold ${settle.holdId}`);
}

/** The ledger was read after the outbox: what was confirmed by then must be in it. */
function judgeUnsettled(row: OutboxRow, finding: Finding): void {
  finding.compared(1);
  if (row.isConfirmed) finding.broken(`credit_outbox ${row.id}`, `confirmed, but the ledger has no settle of ${formatCredits(row.amount)}`);
  else if (row.isEnded)
    finding.broken(`credit_outbox ${row.id}`, `its campaign has ended, but ${formatCredits(row.amount)} was never settled`);
}

/**
 * A settle without an outbox row may be newer than the snapshot of salesdb; one that was in ds
 * before that snapshot may not.
 */
function createUnexplainedSettles({ dsBefore }: Snapshots, finding: Finding) {
  let waiting: SettleRow[] = [];
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const ids = waiting.map((row) => row.id);
    const known = await dsBefore<{ id: string }[]>`select transfer_id as id from credit_ledger where transfer_id = any(${ids})`;
    const knownIds = new Set(known.map((row) => row.id));
    for (const row of waiting) {
      finding.compared(1);
      if (knownIds.has(row.id))
        finding.broken(`credit_ledger ${row.id}`, `settles ${formatCredits(row.amount)}, but no outbox row says so`);
    }
    waiting = [];
  };
  return {
    add: async (row: SettleRow): Promise<void> => {
      waiting.push(row);
      if (waiting.length >= cursorRows) await flush();
    },
    flush,
  };
}

/** A settle that ds refused is parked, with an alarm: sent, but not charged. */
async function checkRefusedSettles({ dsAfter: sql, scope }: Snapshots, finding: Finding): Promise<void> {
  const rows = await sql<{ id: string; amount: bigint; code: string }[]>`
    select s.outbox_id as id, s.amount, s.code from settle_refused s left join credit_hold h on h.id = s.hold_id
    where not exists (select from credit_ledger l where l.transfer_id = s.outbox_id) ${onlyWorkspace(sql, "h.workspace_id", scope)}
    order by s.outbox_id limit ${cursorRows}`;
  for (const row of rows) {
    finding.compared(1);
    finding.broken(`settle_refused ${row.id}`, `${formatCredits(row.amount)} was sent, its charge was refused: ${row.code}`);
  }
}

/**
 * For each message: the journal says sent <=> sent_at is set, except for messages of which no such
 * receipt was ever accepted.
 */
function judgeSent(message: MessageFacts, finding: Finding): void {
  const { status, before, after } = message;
  if (status === null) return;
  finding.compared(1);
  if (message.isSentMarked && !after.isSent) finding.broken(nameMessage(message), `charged (${status}), but the carrier never sent it`);
  if (!message.isSentMarked && isMessageIn("charging", status))
    finding.broken(nameMessage(message), `${status}, but not marked as sent, so not charged`);
  const isDone = isMessageIn("final", status) || message.isCampaignEnded;
  if (message.isSentMarked || !before.isSent || !isDone) return;
  const isTaken = before.answered.some((word) => isMessageIn("charging", word));
  const isKeptAsAnomaly = [...message.anomalies].some((word) => isMessageIn("charging", word));
  if (isTaken && !isKeptAsAnomaly)
    finding.broken(nameMessage(message), `sent by the carrier and its receipt taken, but ${status} and not charged`);
  else
    finding.excused(
      nameMessage(message),
      isKeptAsAnomaly ? `sent, its receipt came after it was ${status}` : `sent, but no receipt of it was taken before it was ${status}`,
    );
}
