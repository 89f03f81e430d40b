// Rows of message_callback and callback_account: whose turn it is, what is to be told, what has
// been told. The intent to tell is written by a trigger (migrations/007), in the transaction of the
// change itself. Called by the callback loop.
import { randomUUID } from "node:crypto";
import type { RecipientAnswer } from "../../contracts/messages.ts";
import type { MessageStatus } from "../../contracts/states.ts";
import { backoffInterval } from "../../platform/backoff_sql.ts";
import { inTransaction, type Sql } from "../../platform/postgres.ts";
import { type RecipientRow, recipientObject, recipientOf } from "../messages/read_message.ts";
import { callbackBackoff, callbackGiveUpHours } from "../row_backoffs.ts";

/** The right to call for a workspace. */
export interface CallbackLease {
  workspaceId: string;
  owner: string;
}

/**
 * Leases workspaces with something to tell, the least recently served first, skipping those that
 * others are taking at the moment.
 */
export async function leaseWorkspaces(sql: Sql, { most, leaseMs }: { most: number; leaseMs: number }): Promise<CallbackLease[]> {
  const owner = randomUUID();
  const rows = await sql<{ workspaceId: string }[]>`
    update callback_account a set lease_owner = ${owner}, lease_until = clock_timestamp() + ${leaseMs}::int * interval '1 ms', served_at = clock_timestamp()
    where a.workspace_id in (
      select n.workspace_id from callback_account n
      where (n.lease_until is null or n.lease_until < clock_timestamp())
        and exists (select from message_callback k where k.workspace_id = n.workspace_id and k.due_at <= now())
      order by n.served_at limit ${most} for update skip locked)
    returning a.workspace_id as "workspaceId"`;
  return rows.map(({ workspaceId }) => ({ workspaceId, owner }));
}

/** One message of which something may be to be told. */
export interface DueMessage {
  bulksmsId: string;
  /** Of the rows as they were read. */
  version: bigint;
  tries: number;
  url: string;
  /** Recipients whose state is not the one that was told. */
  untold: RecipientAnswer[];
}

/** What is due, the longest first, as one snapshot. */
export async function readDueMessages(sql: Sql, workspaceId: string, most: number): Promise<DueMessage[]> {
  const rows = await sql<(Omit<DueMessage, "untold"> & { untold: RecipientRow[] })[]>`
    select k.bulksms_id as "bulksmsId", k.version, k.tries, b.callback_url as url,
      coalesce((select json_agg(${recipientObject(sql)} order by m.row_no) from bulksms_info m
        left join bulksms_chunk c on c.bulksms_id = m.bulksms_id and m.row_no between c.first_row and c.intent_to
        where m.bulksms_id = k.bulksms_id and m.status <> k.told[m.row_no]), '[]') as untold
    from (select * from message_callback where workspace_id = ${workspaceId} and due_at <= now() order by due_at limit ${most}) k
      join bulksms b on b.id = k.bulksms_id
    order by k.due_at`;
  return rows.map(({ untold, ...row }) => ({ ...row, untold: untold.map((recipient) => recipientOf(row.bulksmsId, recipient)) }));
}

/** What became of one message in one turn. */
export interface ToldMessage {
  bulksmsId: string;
  version: bigint;
  /** What was acknowledged. */
  told: { rowNo: number; status: MessageStatus }[];
  /** Everything was. */
  isComplete: boolean;
  /** Why the last call that failed did; null: none has. */
  failure: string | null;
  /** A call for it was made and failed; false: it only waits. */
  isTried: boolean;
  /** The next try waits this many doublings, and at least `waitMs`; null: it is due at once. */
  doublings: number | null;
  waitMs: number;
}

/**
 * Writes down what was told, and gives the workspace back. What was acknowledged stands, whoever
 * holds the lease by now; a change that came meanwhile is due at once. Locks: the rows in id order,
 * then the account.
 * @returns messages that were given up
 */
export async function recordTold(sql: Sql, { workspaceId, owner }: CallbackLease, messages: readonly ToldMessage[]): Promise<string[]> {
  const ids = messages.map(({ bulksmsId }) => bulksmsId);
  return inTransaction(sql, async (transaction) => {
    const release = transaction`
      update callback_account set lease_owner = null, lease_until = null where workspace_id = ${workspaceId} and lease_owner = ${owner}`;
    if (ids.length === 0) {
      await release;
      return [];
    }
    await transaction`select from message_callback where bulksms_id = any (${ids}::uuid[]) order by bulksms_id for update`;
    const isTold = transaction`r.is_complete`;
    const isGivenUp = transaction`(not ${isTold} and r.doublings is not null and c.waiting_since < now() - ${callbackGiveUpHours}::int * interval '1 h')`;
    const hasNews = transaction`c.version <> r.version`;
    const [rows] = await Promise.all([
      transaction<{ bulksmsId: string; isGivenUp: boolean }[]>`
        update message_callback c set
          told = (select array_agg(greatest(t.state, n.state) order by t.row_no) from unnest(c.told) with ordinality t (state, row_no)
            left join unnest(r.row_nos, r.states::message_status[]) n (row_no, state) on n.row_no = t.row_no),
          due_at = case when ${isTold} and not ${hasNews} or ${isGivenUp} then null
            when r.doublings is null or ${hasNews} then now()
            else now() + greatest(${backoffInterval(transaction, callbackBackoff, transaction`r.doublings`)}, r.wait_ms * interval '1 ms') end,
          waiting_since = case when ${isTold} and not ${hasNews} or ${isGivenUp} then null when ${isTold} then now() else c.waiting_since end,
          tries = case when ${isTold} then 0 else c.tries + r.is_tried::int end,
          last_error = case when ${isTold} then null else coalesce(r.failure, c.last_error) end,
          given_up_at = case when ${isTold} then null when ${isGivenUp} then now() else c.given_up_at end
        from jsonb_to_recordset(${transaction.json(messages.map(asRecord) as never)}) as r
          (bulksms_id uuid, version bigint, row_nos int[], states text[], is_complete boolean, failure text, is_tried boolean, doublings int, wait_ms int)
        where c.bulksms_id = r.bulksms_id
        returning c.bulksms_id as "bulksmsId", new.given_up_at is distinct from old.given_up_at and new.given_up_at is not null as "isGivenUp"`,
      release,
    ]);
    return rows.flatMap((row) => (row.isGivenUp ? [row.bulksmsId] : []));
  });
}

const asRecord = ({ bulksmsId, version, told, isComplete, failure, isTried, doublings, waitMs }: ToldMessage) => ({
  bulksms_id: bulksmsId,
  version: String(version),
  row_nos: told.map(({ rowNo }) => rowNo),
  states: told.map(({ status }) => status),
  is_complete: isComplete,
  failure,
  is_tried: isTried,
  doublings,
  wait_ms: Math.ceil(waitMs),
});
