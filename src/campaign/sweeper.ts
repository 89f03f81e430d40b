// Repairs every half-done step from the rows, because a process may die between any two lines and
// Redis may lose everything. Runs in each sales_worker; a transaction-level advisory lock lets one
// pass claim at a time, and each claim delays the next one for that row: 0.5 s, 1 s ... 30 s.
import { type BulksmsStatus, campaignSets, messageSets } from "../contracts/states.ts";
import { backoffInterval } from "../platform/backoff_sql.ts";
import { errorFields, type Log } from "../platform/log.ts";
import { inTransaction, type Sql, type TransactionSql } from "../platform/postgres.ts";
import { statusIn, statusList, statusNotIn, sumOfCounters } from "../platform/state_sql.ts";
import { succeedsWithin } from "../platform/time/deadline.ts";
import { createSlots } from "../platform/time/slots.ts";
import { purgeDeadImport } from "./import/purge_imports.ts";
import { expireMessages, isSilentSql } from "./lifecycle/expiry.ts";
import type { CampaignProgress } from "./lifecycle/move_messages.ts";
import { ringBackoff } from "./row_backoffs.ts";

export interface SweeperOptions {
  sql: Sql;
  intervalMs: number;
  receiptHorizonS: number;
  importLeaseMs: number;
  log: Log;
  /** Takes the campaign's next step. */
  advance(bulksmsId: string): Promise<void>;
  /**
   * Sends due outbox rows; the caller skips it while Redis is away, so that their back-off does not
   * grow in vain.
   */
  relay(): Promise<void>;
  onProgress(progress: CampaignProgress): void;
  onRepair(status: BulksmsStatus): void;
}

export interface Sweeper {
  /**
   * Runs one pass now; resolves when everything it claimed is repaired. For tests, and to begin
   * immediately at startup.
   */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

/** Key of pg_try_advisory_xact_lock: any number that nobody else uses. */
const sweepLock = 7_263_001;
/** Campaigns per pass; the next pass is half a second away. */
const claimedMax = 50;
/** Concurrent repairs in this process; each holds one connection at a time. */
const repairsMax = 4;
/** For its first 1.5 s the request itself calls rpc. */
const reservingPatienceS = 2;
/** A row that needed no repair for this long starts its back-off anew. */
const backoffResetS = 10;

interface Claimed {
  bulksmsId: string;
  status: BulksmsStatus;
  isPastDeadline: boolean;
}

export function startSweeper(options: SweeperOptions): Sweeper {
  const repairs = createSlots(repairsMax);
  /** Campaigns under repair. */
  const underRepair = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let pass: Promise<void> = Promise.resolve();
  let isClosing = false;
  let isFailing = false;
  /**
   * True for the first pass that may claim: this worker may be replacing one that died a second
   * ago.
   */
  let isStart = true;

  async function claimAndRepair(): Promise<void> {
    await options.relay();
    if (repairs.isFull()) return;
    const claimed = await claimCampaigns(options.sql, { receiptHorizonS: options.receiptHorizonS, isStart });
    if (claimed === null) return;
    isStart = false;
    for (const campaign of claimed) {
      await waitForPlace();
      if (!underRepair.has(campaign.bulksmsId)) startRepair(campaign);
    }
  }

  /** Repairing a large campaign may take minutes; charges do not wait for it. */
  async function waitForPlace(): Promise<void> {
    while (repairs.isFull()) {
      await succeedsWithin(options.intervalMs, repairs.freed());
      await options.relay();
    }
  }

  function startRepair(campaign: Claimed): void {
    const { bulksmsId, status } = campaign;
    options.onRepair(status);
    underRepair.add(bulksmsId);
    repairs.start(() =>
      repair(options, campaign)
        .catch((error: unknown) => options.log.warn({ event: "sweeper.repair_failed", bulksmsId, status, ...errorFields(error) }))
        .finally(() => underRepair.delete(bulksmsId)),
    );
  }

  /** Logs a database outage once, and once more when it is over. */
  function reportOnce(error: unknown): void {
    if (error !== null && !isFailing) options.log.warn({ event: "sweeper.failed", ...errorFields(error) });
    if (error === null && isFailing) options.log.info({ event: "sweeper.recovered" });
    isFailing = error !== null;
  }

  function schedule(delayMs: number): void {
    if (isClosing) return;
    timer = setTimeout(() => {
      pass = claimAndRepair()
        .then(
          () => reportOnce(null),
          (error: unknown) => reportOnce(error),
        )
        .finally(() => schedule(options.intervalMs));
    }, delayMs);
  }

  schedule(0);
  return {
    async sweep() {
      await claimAndRepair();
      await repairs.idle();
    },
    async close() {
      isClosing = true;
      clearTimeout(timer);
      await pass;
      await repairs.idle();
    },
  };
}

async function repair(options: SweeperOptions, { bulksmsId, status, isPastDeadline }: Claimed): Promise<void> {
  options.log.debug({ event: "sweeper.repair", bulksmsId, status, isPastDeadline });
  if (status === "importing") {
    await purgeDeadImport(options.sql, bulksmsId, { leaseMs: options.importLeaseMs });
    return;
  }
  if (isPastDeadline) {
    const expired = await expireMessages(options.sql, bulksmsId, options.receiptHorizonS);
    if (expired.campaign !== null) {
      options.log.info({ event: "messages.expired", bulksmsId, messages: expired.messages });
      options.onProgress(expired.campaign);
      await resetBackOff(options.sql, bulksmsId); // more deadlines pass soon
    }
  }
  await options.advance(bulksmsId);
}

/**
 * Claims campaigns that need a step: reserving for too long; running with chunks to lease and
 * nobody working on them; all messages ended; canceling; settling; a deadline passed; an import
 * whose lease has expired. null: another worker is claiming right now. `isStart`: also claims
 * campaigns with chunks to lease although leases are alive, since those may belong to the dead
 * worker, and ignores their back-off. Locks: the advisory lock, then those rows (skipping those
 * that others hold).
 */
async function claimCampaigns(
  sql: Sql,
  { receiptHorizonS, isStart }: { receiptHorizonS: number; isStart: boolean },
): Promise<Claimed[] | null> {
  return inTransaction(sql, async (transaction) => {
    const [lock] = await transaction<{ isMine: boolean }[]>`select pg_try_advisory_xact_lock(${sweepLock}) as "isMine"`;
    if (lock?.isMine !== true) return null;
    const steps = stepsDue(transaction, isStart);
    const isCalm = transaction`(${isStart} or b.next_ring_at < now() - ${backoffResetS}::int * interval '1 s')`;
    return transaction<Claimed[]>`
      with watched as (
        select b.id, b.status,
          ${statusIn(transaction, "b.status", campaignSets.open)} and ${sumOfCounters(transaction, "b", messageSets.submitted)} > 0 and exists (
            select from bulksms_chunk c where c.bulksms_id = b.id
              and c.submitted_at + (b.deadline_s + case when b.sent > 0 and ${isSilentSql(transaction)} then 0 else ${receiptHorizonS}::int end)
                * interval '1 s' < now()) as is_past_deadline
        from bulksms b
        where ${statusNotIn(transaction, "b.status", campaignSets.resting)} and (b.next_ring_at <= now() or ${isStart})
      ), due as (
        select w.id, w.is_past_deadline from watched w join bulksms b using (id)
        where w.is_past_deadline or case b.status ${campaignSets.due.map(
          (status) => transaction`when ${statusList(transaction, [status])} then ${steps[status]} `,
        )} end
        order by b.next_ring_at limit ${claimedMax} for no key update of b skip locked
      )
      update bulksms b set
        ring_count = case when ${isCalm} then 1 else least(b.ring_count + 1, 20) end,
        next_ring_at = now() + ${backoffInterval(transaction, ringBackoff, transaction`case when ${isCalm} then 0 else b.ring_count end`)}
      from due n where b.id = n.id
      returning b.id as "bulksmsId", b.status, n.is_past_deadline as "isPastDeadline"`;
  });
}

/** Whether the campaign `b` needs a step, by its state; besides a deadline that has passed. */
function stepsDue(sql: TransactionSql, isStart: boolean) {
  const hasEnded = sql`${sumOfCounters(sql, "b", messageSets.open)} = 0`;
  const leased = sql`select from bulksms_chunk c where c.bulksms_id = b.id and c.state = 'leased'`;
  const hasWork = sql`exists (select from bulksms_chunk c where c.bulksms_id = b.id
    and (c.state = 'open' or c.state = 'leased' and c.lease_until < clock_timestamp()))`;
  return {
    importing: sql`coalesce(b.import_lease_until, b.status_at + interval '1 min') < now()`,
    reserving: sql`b.status_at < now() - ${reservingPatienceS}::int * interval '1 s'`,
    running: sql`${hasEnded} or ${hasWork} and (${isStart} or not exists (${leased} and c.lease_until >= clock_timestamp()))`,
    paused: hasEnded,
    canceling: sql`true`,
    settling: sql`true`,
  } satisfies Record<(typeof campaignSets.due)[number], unknown>;
}

async function resetBackOff(sql: Sql, bulksmsId: string): Promise<void> {
  await sql`update bulksms set ring_count = 0, next_ring_at = now() where id = ${bulksmsId}`;
}
