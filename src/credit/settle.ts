// Settling: what was sent is paid out of its hold, exactly once per outbox row of salesdb. Called
// by general_worker for settle_credit jobs.
import { AppError, type ErrorCode, isAppError } from "../contracts/errors.ts";
import { reachFailpoint } from "../platform/failpoint.ts";
import { inTransaction, type Sql, type TransactionSql } from "../platform/postgres.ts";
import { lockHold } from "./holds.ts";
import { type Balance, moveBalance } from "./workspaces.ts";

export interface Settle {
  /** Id of the outbox row, and of the transfer in the ledger. */
  outboxId: string;
  amountMilli: bigint;
}

export interface RefusedSettle extends Settle {
  code: ErrorCode;
  /** False if the same refusal was parked before. */
  isNew: boolean;
}

export interface SettleOutcome {
  /** Outbox ids that are in the ledger as requested, whether new or from before. */
  settledIds: string[];
  refused: RefusedSettle[];
  /** Number of rows that are new in the ledger. */
  newRows: number;
  /** The workspace's balance after the last change; null when no credit moved. */
  balance: Balance | null;
}

/** Refusals of a single row: the rest of its batch goes on without it. */
const rowRefusals = ["hold_exceeded", "hold_closed", "transfer_conflict", "amount_invalid"] as const satisfies ErrorCode[];

/**
 * Settles a batch of one hold. A row that is already in the ledger moves nothing. A row that the
 * hold refuses is found by halving the batch, parked in settle_refused and returned in `refused`,
 * while the others settle. Batches may be split in any way and repeated. If the hold is unknown,
 * all rows are refused.
 */
export async function settle(sql: Sql, holdId: string, settles: Settle[]): Promise<SettleOutcome> {
  const outcome: SettleOutcome = { settledIds: [], refused: [], newRows: 0, balance: null };
  // a stack of batches in row order: if the amounts exceed the hold, the first rows settle
  const waiting = [settles];
  for (let batch = waiting.pop(); batch !== undefined; batch = waiting.pop()) {
    try {
      const applied = await inTransaction(sql, (transaction) => settleBatch(transaction, holdId, batch));
      outcome.settledIds.push(...batch.map((row) => row.outboxId));
      outcome.newRows += applied.newRows;
      outcome.balance = applied.balance ?? outcome.balance;
    } catch (error) {
      if (isAppError(error, "hold_unknown") || (isAppError(error, ...rowRefusals) && batch.length === 1)) {
        outcome.refused.push(...(await park(sql, holdId, batch, error.code)));
      } else if (isAppError(error, ...rowRefusals)) {
        const half = Math.ceil(batch.length / 2);
        waiting.push(batch.slice(half), batch.slice(0, half));
      } else throw error;
    }
  }
  // one id with two amounts: we cannot know which of them the outbox means, so it is not confirmed
  const refusedIds = new Set(outcome.refused.map((row) => row.outboxId));
  outcome.settledIds = [...new Set(outcome.settledIds)].filter((id) => !refusedIds.has(id));
  return outcome;
}

/**
 * One transaction: locks the workspace, then the hold, inserts new rows into the ledger, and moves
 * their sum from held to spent.
 * @throws AppError hold_unknown and `rowRefusals`; then nothing of the batch has happened
 */
async function settleBatch(
  transaction: TransactionSql,
  holdId: string,
  settles: Settle[],
): Promise<{ newRows: number; balance: Balance | null }> {
  if (settles.some((row) => row.amountMilli <= 0n)) throw new AppError("amount_invalid", "A settle must be above zero.");
  // a hold never changes its workspace, so this lookup needs no lock
  const [workspace] = await transaction<{ id: string }[]>`
    select id from workspace where id = (select workspace_id from credit_hold where id = ${holdId}) for no key update`;
  const hold = workspace === undefined ? null : await lockHold(transaction, holdId);
  if (workspace === undefined || hold === null) throw new AppError("hold_unknown", "There is no such hold.");
  const inserted = await insertSettles(transaction, workspace.id, holdId, settles);
  if (inserted.length < settles.length) await assertSameTransfers(transaction, holdId, settles);
  if (inserted.length === 0) return { newRows: 0, balance: null };
  if (hold.state === "closed") throw new AppError("hold_closed", "The hold was released before this settle.");
  const sumMilli = inserted.reduce((sum, row) => sum + row.amountMilli, 0n);
  if (sumMilli > hold.amountMilli - hold.settledMilli) throw new AppError("hold_exceeded", "The hold has less left than this settle.");
  // both in one round trip
  const [balance] = await Promise.all([
    moveBalance(transaction, workspace.id, { heldMilli: -sumMilli, spentMilli: sumMilli }),
    transaction`update credit_hold set settled = settled + ${sumMilli} where id = ${holdId}`,
  ]);
  reachFailpoint("settle_uncommitted");
  return { newRows: inserted.length, balance };
}

/**
 * Inserts only the new rows. Sorted by id, so that two batches with the same ids lock them in the
 * same order.
 */
async function insertSettles(
  transaction: TransactionSql,
  workspaceId: string,
  holdId: string,
  settles: Settle[],
): Promise<{ amountMilli: bigint }[]> {
  return transaction<{ amountMilli: bigint }[]>`
    insert into credit_ledger (transfer_id, kind, workspace_id, hold_id, debit, credit, amount)
    select s.outbox_id, 'settle', ${workspaceId}, ${holdId}, 'held', 'spent', s.amount
    from unnest(${settles.map((row) => row.outboxId)}::uuid[], ${settles.map((row) => row.amountMilli.toString())}::bigint[])
      as s (outbox_id, amount)
    order by s.outbox_id
    on conflict (transfer_id) do nothing
    returning amount as "amountMilli"`;
}

/** Checks that each id, all in the ledger by now, is a settle of this hold and amount. */
async function assertSameTransfers(transaction: TransactionSql, holdId: string, settles: Settle[]): Promise<void> {
  const [other] = await transaction`
    select s.outbox_id
    from unnest(${settles.map((row) => row.outboxId)}::uuid[], ${settles.map((row) => row.amountMilli.toString())}::bigint[])
      as s (outbox_id, amount)
    left join credit_ledger l on l.transfer_id = s.outbox_id and l.kind = 'settle' and l.hold_id = ${holdId} and l.amount = s.amount
    where l.transfer_id is null
    limit 1`;
  if (other !== undefined) throw new AppError("transfer_conflict", "The transfer exists with another hold or amount.");
}

/** Parks refused rows for a person to investigate; a row keeps its first refusal. */
async function park(sql: Sql, holdId: string, settles: Settle[], code: ErrorCode): Promise<RefusedSettle[]> {
  const parked = await inTransaction(
    sql,
    (transaction) => transaction<{ outboxId: string }[]>`
      insert into settle_refused (outbox_id, hold_id, amount, code)
      select s.outbox_id, ${holdId}, s.amount, ${code}
      from unnest(${settles.map((row) => row.outboxId)}::uuid[], ${settles.map((row) => row.amountMilli.toString())}::bigint[])
        as s (outbox_id, amount)
      order by s.outbox_id
      on conflict (outbox_id) do nothing
      returning outbox_id as "outboxId"`,
  );
  const newIds = new Set(parked.map((row) => row.outboxId));
  return settles.map((row) => ({ ...row, code, isNew: newIds.has(row.outboxId) }));
}
