// Workspaces and their balances: created by webapi, read by all processes that use database ds,
// locked by every change of credit. Lock order of the whole domain: workspaces in id order, then
// holds, then ledger rows.
import { AppError } from "../contracts/errors.ts";
import type { AnySql, TransactionSql } from "../platform/postgres.ts";

/** A workspace's balance in milli-credits. `available + held` is what users call their credit. */
export interface Balance {
  workspaceId: string;
  name: string;
  availableMilli: bigint;
  heldMilli: bigint;
  spentMilli: bigint;
  /** Grows by one with each change of credit. */
  version: bigint;
  createdAt: Date;
}

/** Workspaces that one statement re-reads at most; the answer stays well under a megabyte. */
export const workspacesPerReadMax = 1_000;

/** Creates a workspace without credit. */
export async function createWorkspace(sql: AnySql, name: string): Promise<Balance> {
  const [balance] = await sql<Balance[]>`
    insert into workspace (name) values (${name}) returning ${balanceColumns(sql)}`;
  return balance as Balance;
}

/** @throws AppError workspace_not_found */
export async function readWorkspace(sql: AnySql, workspaceId: string): Promise<Balance> {
  const [balance] = await sql<Balance[]>`
    select ${balanceColumns(sql)} from workspace where id = ${workspaceId}`;
  if (balance === undefined) throw workspaceNotFound();
  return balance;
}

/** Those of the workspaces that exist, in any order. At most `workspacesPerReadMax` ids. */
export async function readWorkspaces(sql: AnySql, workspaceIds: string[]): Promise<Balance[]> {
  return sql<Balance[]>`
    select ${balanceColumns(sql)} from workspace where id = any(${workspaceIds}::uuid[])`;
}

/**
 * Locks the row until the transaction ends, so that changes to one workspace's credit are
 * serialized. NO KEY: rows that refer to the workspace (keys, ledger) are not blocked.
 * @throws AppError workspace_not_found
 */
export async function lockWorkspace(transaction: TransactionSql, workspaceId: string): Promise<Balance> {
  const [balance] = await transaction<Balance[]>`
    select ${balanceColumns(transaction)} from workspace where id = ${workspaceId} for no key update`;
  if (balance === undefined) throw workspaceNotFound();
  return balance;
}

/**
 * Moves credit of a locked workspace; each argument is added to its column. The table itself
 * refuses a negative balance.
 */
export async function moveBalance(
  transaction: TransactionSql,
  workspaceId: string,
  move: { availableMilli?: bigint; heldMilli?: bigint; spentMilli?: bigint },
): Promise<Balance> {
  const [balance] = await transaction<Balance[]>`
    update workspace set
      available = available + ${move.availableMilli ?? 0n},
      held = held + ${move.heldMilli ?? 0n},
      spent = spent + ${move.spentMilli ?? 0n},
      version = version + 1
    where id = ${workspaceId}
    returning ${balanceColumns(transaction)}`;
  return balance as Balance;
}

export function workspaceNotFound(): AppError {
  return new AppError("workspace_not_found", "There is no such workspace.");
}

function balanceColumns(sql: AnySql) {
  return sql`id as "workspaceId", name, available as "availableMilli", held as "heldMilli", spent as "spentMilli", version, created_at as "createdAt"`;
}
