// Rows of carrier_link: who may speak to a carrier over one of its links. Taken and given back by
// the link manager, renewed by each commit of the link. Locks: the link, then campaigns, chunks,
// messages.
import { randomUUID } from "node:crypto";
import type { LinkState } from "../../carriers/link.ts";
import { campaignSets } from "../../contracts/states.ts";
import { backoffInterval } from "../../platform/backoff_sql.ts";
import { inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";
import { statusIn } from "../../platform/state_sql.ts";
import type { Campaign } from "../lifecycle/campaign_rows.ts";
import type { CampaignProgress } from "../lifecycle/move_messages.ts";
import { crashBound, putInDoubt } from "./doubt.ts";

export interface LinkLease {
  carrierId: string;
  slot: number;
  /** New for each lease; the link's chunks are leased to it too. */
  owner: string;
}

export interface TakenLink {
  /** null: somebody else holds it, or it is too soon to open it again. */
  lease: LinkLease | null;
  /** Campaigns with messages that the holder before left in doubt. */
  changed: CampaignProgress[];
}

const linkBackoff = { firstMs: 1_000, maxMs: 60_000 };

/**
 * Takes a link that nobody holds. If its holder's lease has run out, what he had intended and not
 * recorded is in doubt from now on, in the same transaction.
 */
export async function takeLink(
  sql: Sql,
  link: { carrierId: string; slot: number; window: number; leaseMs: number; mayOpen: boolean },
): Promise<TakenLink> {
  const { carrierId, slot } = link;
  await sql`insert into carrier_link (carrier_id, slot) values (${carrierId}, ${slot}) on conflict do nothing`;
  return inTransaction(sql, async (transaction) => {
    const [row] = await transaction<{ owner: string | null; isHeld: boolean; isDue: boolean }[]>`
      select lease_owner as owner, coalesce(lease_until > clock_timestamp(), false) as "isHeld",
        open_after <= now() and not exists (select from carrier where id = ${carrierId} and rests_until > now()) as "isDue"
      from carrier_link where carrier_id = ${carrierId} and slot = ${slot} for no key update skip locked`;
    if (row === undefined || row.isHeld) return { lease: null, changed: [] };
    const changed = row.owner === null ? [] : await takeOver(transaction, link, row.owner);
    const lease = row.isDue && link.mayOpen ? { carrierId, slot, owner: randomUUID() } : null;
    await transaction`
      update carrier_link set lease_owner = ${lease?.owner ?? null}, state = ${lease === null ? "over" : "connecting"}, changed_at = now(),
        lease_until = ${lease === null ? transaction`null` : transaction`clock_timestamp() + ${link.leaseMs}::int * interval '1 ms'`}
      where carrier_id = ${carrierId} and slot = ${slot}`;
    return { lease, changed };
  });
}

interface HeldRange {
  bulksmsId: string;
  chunkNo: number;
  firstRow: number;
  intentTo: number;
}

/** What a holder left behind whose lease has run out. */
async function takeOver(transaction: TransactionSql, link: { carrierId: string; slot: number; window: number }, owner: string) {
  const { carrierId, slot, window } = link;
  await transaction`
    select from bulksms b where b.carrier_id = ${carrierId} and ${statusIn(transaction, "b.status", campaignSets.open)}
      and exists (select from bulksms_chunk c where c.bulksms_id = b.id and c.state = 'leased' and c.lease_owner = ${owner})
    order by b.id for no key update of b`;
  const chunks = await transaction<HeldRange[]>`
    update bulksms_chunk c set state = 'open', lease_owner = null, lease_until = null, attempt = c.attempt + 1
    from bulksms b
    where b.id = c.bulksms_id and b.carrier_id = ${carrierId} and c.state = 'leased' and c.lease_owner = ${owner}
    returning c.bulksms_id as "bulksmsId", c.chunk_no as "chunkNo", c.first_row as "firstRow", c.intent_to as "intentTo"`;
  const ranges = chunks
    .map(({ bulksmsId, firstRow, intentTo }) => ({ bulksmsId, firstRow, lastRow: intentTo }))
    .sort((a, b) => (a.bulksmsId < b.bulksmsId ? -1 : a.bulksmsId > b.bulksmsId ? 1 : a.firstRow - b.firstRow));
  return latest(await putInDoubt(transaction, { carrierId, slot, kind: "crash", bound: crashBound(window) }, ranges));
}

/** The last snapshot of each campaign. */
export function latest(campaigns: readonly Campaign[]): Campaign[] {
  return [...new Map(campaigns.map((campaign) => [campaign.bulksmsId, campaign])).values()];
}

/**
 * What people see of a link. While it rests, nobody else opens it either: a worker that dies then
 * takes no rest from the carrier.
 */
export async function showLinkState(sql: Sql, lease: LinkLease, state: LinkState): Promise<void> {
  const { kind } = state;
  const description = kind === "resting" || kind === "over" ? state.reason : "";
  const restMs = kind === "resting" ? Math.ceil(state.forMs) : 0;
  await sql`
    update carrier_link set state = ${kind}, description = ${description.slice(0, 300)}, changed_at = now(),
      failures = case when ${kind} = 'bound' then 0 else failures end,
      open_after = case when ${kind} = 'resting' then now() + ${restMs}::int * interval '1 ms' else open_after end
    where carrier_id = ${lease.carrierId} and slot = ${lease.slot} and lease_owner = ${lease.owner}`;
}

/**
 * The carrier wants nothing for so long: none of its links submits, or is opened, in any worker.
 */
export async function restCarrier(sql: Sql, carrierId: string, forMs: number, reason: string): Promise<void> {
  await sql`
    update carrier set rests_until = now() + ${Math.ceil(forMs)}::int * interval '1 ms', rest_reason = ${reason.slice(0, 300)}
    where id = ${carrierId} and coalesce(rests_until, now()) < now() + ${Math.ceil(forMs)}::int * interval '1 ms'`;
}

/** How a link ended, for the one who gives it back. */
export interface Released {
  hasFailed: boolean;
  /** The carrier refused the account: its other links would end the same way. */
  isRefused?: boolean;
  description: string;
}

/**
 * Gives the link back. `hasFailed`: it is not opened again at once, and later after each failure in
 * a row; `isRefused`: nor is any other link of the carrier. With chunks that could not be given
 * back its lease only ends now: whoever takes the link over takes them too.
 */
export async function releaseLink(sql: Sql, lease: LinkLease, { hasFailed, isRefused = false, description }: Released): Promise<void> {
  const holdsChunks = sql`exists (select from bulksms b join bulksms_chunk c on c.bulksms_id = b.id
    where b.carrier_id = ${lease.carrierId} and c.state = 'leased' and c.lease_owner = ${lease.owner})`;
  const [released] = await sql<{ restMs: number }[]>`
    update carrier_link set state = 'over', description = ${description.slice(0, 300)}, changed_at = now(),
      lease_owner = case when ${holdsChunks} then lease_owner end, lease_until = case when ${holdsChunks} then clock_timestamp() end,
      failures = case when ${hasFailed} then failures + 1 else 0 end,
      open_after = case when ${hasFailed} then now() + ${backoffInterval(sql, linkBackoff, sql`failures`)} else now() end
    where carrier_id = ${lease.carrierId} and slot = ${lease.slot} and lease_owner = ${lease.owner}
    returning (extract(epoch from open_after - now()) * 1000)::float8 as "restMs"`;
  if (isRefused && released !== undefined) await restCarrier(sql, lease.carrierId, released.restMs, description);
}
