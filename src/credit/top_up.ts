// Top-ups: credit added to a workspace from outside. Called by rpc (AddCredit, by transfer id) and
// by webapi (by Idempotency-Key).
import { AppError } from "../contracts/errors.ts";
import { inTransaction, type Sql, type TransactionSql } from "../platform/postgres.ts";
import { assertAmount, balanceMilliMax } from "./transfers.ts";
import { type Balance, lockWorkspace, moveBalance } from "./workspaces.ts";

export interface TopUp {
  workspaceId: string;
  /** Idempotency id: repeating it changes nothing. */
  transferId: string;
  amountMilli: bigint;
}

/**
 * Adds credit, once per transfer id. `existed`: an earlier call did it and nothing moved now.
 * @throws AppError workspace_not_found, amount_invalid, transfer_conflict (the id exists with
 * another workspace or amount)
 */
export async function topUp(sql: Sql, request: TopUp): Promise<{ existed: boolean; balance: Balance }> {
  return inTransaction(sql, (transaction) => topUpInTransaction(transaction, request));
}

/** Like `topUp`, within the caller's transaction; locks the workspace. */
export async function topUpInTransaction(
  transaction: TransactionSql,
  { workspaceId, transferId, amountMilli }: TopUp,
): Promise<{ existed: boolean; balance: Balance }> {
  assertAmount(amountMilli);
  const before = await lockWorkspace(transaction, workspaceId);
  const inserted = await transaction`
    insert into credit_ledger (transfer_id, kind, workspace_id, debit, credit, amount)
    values (${transferId}, 'top_up', ${workspaceId}, 'outside', 'available', ${amountMilli})
    on conflict (transfer_id) do nothing
    returning transfer_id`;
  if (inserted.length === 0) {
    const [same] = await transaction`
      select transfer_id from credit_ledger
      where transfer_id = ${transferId} and kind = 'top_up' and workspace_id = ${workspaceId} and amount = ${amountMilli}`;
    if (same === undefined) throw new AppError("transfer_conflict", "The transfer exists with another workspace or amount.");
    return { existed: true, balance: before };
  }
  if (before.availableMilli + before.heldMilli + before.spentMilli + amountMilli > balanceMilliMax) {
    throw new AppError("amount_invalid", "The workspace's credit would become too large to count.");
  }
  return { existed: false, balance: await moveBalance(transaction, workspaceId, { availableMilli: amountMilli }) };
}
