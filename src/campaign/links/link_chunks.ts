// Chunks of campaigns that are sent over links: leased to the link's own lease, given back with the
// intent where it came to rest. (A lease that has run out is taken over with its link.)
import { campaignSets } from "../../contracts/states.ts";
import type { AnySql, Sql } from "../../platform/postgres.ts";
import { statusIn } from "../../platform/state_sql.ts";
import type { LeasedChunk } from "../dispatch/chunk_leases.ts";
import type { LinkLease } from "./link_leases.ts";

/**
 * The next chunk that nobody holds of a running campaign of the carrier, campaigns in turn; null if
 * there is none, or the link is not ours any more. (Locked: a takeover that is under way would
 * otherwise miss a chunk that we lease at the same moment.)
 * @param after the campaign that had the last turn
 */
export async function leaseNextChunk(sql: AnySql, lease: LinkLease, leaseMs: number, after: string | null): Promise<LeasedChunk | null> {
  const rows = await sql<LeasedChunk[]>`
    update bulksms_chunk c set state = 'leased', lease_owner = ${lease.owner}, attempt = c.attempt + 1,
      lease_until = clock_timestamp() + ${leaseMs}::int * interval '1 ms'
    from (
      select from carrier_link where carrier_id = ${lease.carrierId} and slot = ${lease.slot} and lease_owner = ${lease.owner}
        and lease_until > clock_timestamp() for share
    ) l, (
      select n.bulksms_id, n.chunk_no from bulksms b join lateral (
        select * from bulksms_chunk c where c.bulksms_id = b.id and c.state = 'open' order by c.chunk_no limit 1 for update skip locked
      ) n on true
      where b.carrier_id = ${lease.carrierId} and b.status = 'running'
      order by b.id <= ${after ?? "00000000-0000-0000-0000-000000000000"}::uuid, b.id limit 1
    ) n
    where c.bulksms_id = n.bulksms_id and c.chunk_no = n.chunk_no and c.state = 'open'
    returning c.bulksms_id as "bulksmsId", c.chunk_no as "chunkNo", c.first_row as "firstRow", c.last_row as "lastRow", c.attempt,
      c.lease_owner as "leaseOwner"`;
  return rows[0] ?? null;
}

/**
 * Gives a chunk back of which nothing is under way. `intentTo`: no row above it was ever with the
 * carrier. Works also when a cancel has raised the attempt.
 */
export async function releaseAtRest(sql: Sql, { bulksmsId, chunkNo, leaseOwner }: LeasedChunk, intentTo: number): Promise<void> {
  await sql`
    update bulksms_chunk set state = 'open', lease_owner = null, lease_until = null, intent_to = least(intent_to, ${intentTo}::int)
    where bulksms_id = ${bulksmsId} and chunk_no = ${chunkNo} and state = 'leased' and lease_owner = ${leaseOwner}`;
}

/**
 * Opens chunks that are leased to the link and not in its hands: it never intended any of their
 * rows, because the answer to the lease was lost.
 */
export async function reopenUnheld(sql: Sql, lease: LinkLease, held: readonly LeasedChunk[]): Promise<void> {
  await sql`
    update bulksms_chunk c set state = 'open', lease_owner = null, lease_until = null
    from bulksms b
    where b.id = c.bulksms_id and b.carrier_id = ${lease.carrierId} and ${statusIn(sql, "b.status", campaignSets.open)}
      and c.state = 'leased' and c.lease_owner = ${lease.owner}
      and not (c.bulksms_id, c.chunk_no) in (select * from unnest(${held.map(({ bulksmsId }) => bulksmsId)}::uuid[], ${held.map(({ chunkNo }) => chunkNo)}::int[]))`;
}
