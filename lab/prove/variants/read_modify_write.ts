// Replaces src/credit/settle.ts: the balance is read, computed here, and written back. Two
// processes that read the same balance charge only once.
import type { Settle, SettleOutcome } from "../../../src/credit/settle.ts";
import { readWorkspace } from "../../../src/credit/workspaces.ts";
import type { Sql } from "../../../src/platform/postgres.ts";

export async function settle(sql: Sql, holdId: string, settles: Settle[]): Promise<SettleOutcome> {
  const [hold] = await sql<{ workspaceId: string; settledMilli: bigint }[]>`
    select workspace_id as "workspaceId", settled as "settledMilli" from credit_hold where id = ${holdId}`;
  if (hold === undefined) throw new Error("there is no such hold");
  const { workspaceId } = hold;
  const added = await sql<{ amountMilli: bigint }[]>`
    insert into credit_ledger (transfer_id, kind, workspace_id, hold_id, debit, credit, amount)
    select s.outbox_id, 'settle', ${workspaceId}, ${holdId}, 'held', 'spent', s.amount
    from unnest(${settles.map((row) => row.outboxId)}::uuid[], ${settles.map((row) => row.amountMilli.toString())}::bigint[])
      as s (outbox_id, amount)
    on conflict (transfer_id) do nothing
    returning amount as "amountMilli"`;
  const sumMilli = added.reduce((sum, row) => sum + row.amountMilli, 0n);
  const before = await readWorkspace(sql, workspaceId);
  const heldMilli = before.heldMilli - sumMilli;
  const spentMilli = before.spentMilli + sumMilli;
  const version = before.version + 1n;
  await sql`update workspace set held = ${heldMilli}, spent = ${spentMilli}, version = ${version} where id = ${workspaceId}`;
  await sql`update credit_hold set settled = ${hold.settledMilli + sumMilli} where id = ${holdId}`;
  const settledIds = settles.map((row) => row.outboxId);
  return { settledIds, refused: [], newRows: added.length, balance: { ...before, heldMilli, spentMilli, version } };
}
