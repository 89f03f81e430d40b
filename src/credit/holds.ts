// Holds: reserve puts credit aside for one run of a campaign, release returns what is left of it.
// Called by rpc. States of a hold: (none) -> open by reserve; open -> closed by release; (none) ->
// closed by a refused reserve or by a release that came first (tombstone). A closed hold never
// reopens, so a late or repeated call always gets the same answer.
import { AppError } from "../contracts/errors.ts";
import { reachFailpoint } from "../platform/failpoint.ts";
import { inTransaction, type Sql, type TransactionSql } from "../platform/postgres.ts";
import { assertAmount, deriveTransferId } from "./transfers.ts";
import { type Balance, lockWorkspace, moveBalance } from "./workspaces.ts";

export interface HoldRow {
  workspaceId: string;
  amountMilli: bigint;
  settledMilli: bigint;
  releasedMilli: bigint;
  state: "open" | "closed";
  origin: "held" | "refused" | "tombstone";
  refusedAvailableMilli: bigint | null;
}

/**
 * Moves `amountMilli` from available to held, once per `holdId`. `existed`: an earlier call did it
 * and nothing moved now. A refusal for lack of credit is stored as a closed hold: repeating the
 * call gives the same answer forever, even after a top-up.
 * @throws AppError workspace_not_found, amount_invalid, insufficient_credit (needed_milli,
 * available_milli), hold_conflict, hold_closed
 */
export async function reserve(
  sql: Sql,
  request: { workspaceId: string; holdId: string; amountMilli: bigint },
): Promise<{ existed: boolean; balance: Balance }> {
  assertAmount(request.amountMilli);
  const outcome = await inTransaction(sql, (transaction) => reserveOnce(transaction, request));
  reachFailpoint("hold_committed");
  // thrown only here: inside the transaction it would roll back the stored refusal
  if (outcome instanceof AppError) throw outcome;
  return outcome;
}

async function reserveOnce(
  transaction: TransactionSql,
  { workspaceId, holdId, amountMilli }: { workspaceId: string; holdId: string; amountMilli: bigint },
): Promise<{ existed: boolean; balance: Balance } | AppError> {
  const before = await lockWorkspace(transaction, workspaceId);
  const existing = await lockHold(transaction, holdId);
  if (existing !== null) return answerRepeat(existing, before, amountMilli);
  const isRefused = before.availableMilli < amountMilli;
  const isStored = await insertHold(transaction, {
    holdId,
    workspaceId,
    amountMilli,
    origin: isRefused ? "refused" : "held",
    refusedAvailableMilli: isRefused ? before.availableMilli : null,
  });
  // the workspace lock serializes calls of one workspace, so this is another workspace using the
  // same id at the same time
  if (!isStored) return holdConflict();
  if (isRefused) return insufficientCredit(amountMilli, before.availableMilli);
  await transaction`
    insert into credit_ledger (transfer_id, kind, workspace_id, hold_id, debit, credit, amount)
    values (${deriveTransferId("hold", holdId)}, 'hold', ${workspaceId}, ${holdId}, 'available', 'held', ${amountMilli})`;
  const balance = await moveBalance(transaction, workspaceId, { availableMilli: -amountMilli, heldMilli: amountMilli });
  reachFailpoint("hold_uncommitted");
  return { existed: false, balance };
}

function answerRepeat(hold: HoldRow, balance: Balance, amountMilli: bigint): { existed: boolean; balance: Balance } | AppError {
  if (hold.workspaceId !== balance.workspaceId) return holdConflict();
  if (hold.origin === "tombstone") return new AppError("hold_closed", "The hold was released before it was reserved.");
  if (hold.amountMilli !== amountMilli) return holdConflict();
  if (hold.origin === "refused") return insufficientCredit(hold.amountMilli, hold.refusedAvailableMilli ?? 0n);
  if (hold.state === "closed") return new AppError("hold_closed", "The hold was released.");
  return { existed: true, balance };
}

/**
 * Closes the hold and returns what it has not settled; a repeat returns 0. An unknown hold is
 * stored as closed, so that a reserve still on its way is refused. `balance` is null when no credit
 * moved.
 * @throws AppError workspace_not_found, hold_conflict (the hold belongs to another workspace)
 */
export async function release(
  sql: Sql,
  { workspaceId, holdId }: { workspaceId: string; holdId: string },
): Promise<{ releasedMilli: bigint; settledMilli: bigint; balance: Balance | null }> {
  const outcome = await inTransaction(sql, async (transaction) => {
    await lockWorkspace(transaction, workspaceId);
    const hold = await lockHold(transaction, holdId);
    if (hold === null) {
      const tombstone = { holdId, workspaceId, amountMilli: 0n, origin: "tombstone", refusedAvailableMilli: null } as const;
      if (!(await insertHold(transaction, tombstone))) throw holdConflict();
      return { releasedMilli: 0n, settledMilli: 0n, balance: null };
    }
    if (hold.workspaceId !== workspaceId) throw holdConflict();
    if (hold.state === "closed") return { releasedMilli: 0n, settledMilli: hold.settledMilli, balance: null };
    const openMilli = hold.amountMilli - hold.settledMilli;
    await transaction`
      update credit_hold set released = ${openMilli}, state = 'closed', closed_at = now() where id = ${holdId}`;
    if (openMilli === 0n) return { releasedMilli: 0n, settledMilli: hold.settledMilli, balance: null };
    await transaction`
      insert into credit_ledger (transfer_id, kind, workspace_id, hold_id, debit, credit, amount)
      values (${deriveTransferId("release", holdId)}, 'release', ${workspaceId}, ${holdId}, 'held', 'available', ${openMilli})`;
    const balance = await moveBalance(transaction, workspaceId, { availableMilli: openMilli, heldMilli: -openMilli });
    return { releasedMilli: openMilli, settledMilli: hold.settledMilli, balance };
  });
  reachFailpoint("release_committed");
  return outcome;
}

export async function hasHold(sql: Sql, holdId: string): Promise<boolean> {
  const found = await sql`select from credit_hold where id = ${holdId}`;
  return found.length > 0;
}

/**
 * Locks the hold until the transaction ends; null if it does not exist. Lock the workspace first.
 */
export async function lockHold(transaction: TransactionSql, holdId: string): Promise<HoldRow | null> {
  const [hold] = await transaction<HoldRow[]>`
    select workspace_id as "workspaceId", amount as "amountMilli", settled as "settledMilli", released as "releasedMilli", state, origin,
      refused_available as "refusedAvailableMilli"
    from credit_hold where id = ${holdId} for no key update`;
  return hold ?? null;
}

/**
 * Inserts a hold; it is open only if it holds credit. A refused hold has its whole amount released,
 * a tombstone has none. Returns false if the id is taken.
 */
async function insertHold(
  transaction: TransactionSql,
  hold: { holdId: string; workspaceId: string; amountMilli: bigint } & Pick<HoldRow, "origin" | "refusedAvailableMilli">,
): Promise<boolean> {
  const isOpen = hold.origin === "held";
  const inserted = await transaction`
    insert into credit_hold (id, workspace_id, amount, released, state, origin, refused_available, closed_at)
    values (${hold.holdId}, ${hold.workspaceId}, ${hold.amountMilli}, ${isOpen ? 0n : hold.amountMilli},
      ${isOpen ? "open" : "closed"}, ${hold.origin}, ${hold.refusedAvailableMilli}, ${isOpen ? null : transaction`now()`})
    on conflict (id) do nothing
    returning id`;
  return inserted.length === 1;
}

function insufficientCredit(neededMilli: bigint, availableMilli: bigint): AppError {
  return new AppError("insufficient_credit", "The workspace has too little credit for this hold.", {
    details: { needed_milli: neededMilli.toString(), available_milli: availableMilli.toString() },
  });
}

function holdConflict(): AppError {
  return new AppError("hold_conflict", "The hold exists with another amount or for another workspace.");
}
