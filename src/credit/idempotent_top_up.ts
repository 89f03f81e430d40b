// Top-ups with an Idempotency-Key: the answer is stored in the same transaction that moves the
// credit. Called by webapi.
import { createHash } from "node:crypto";
import { AppError } from "../contracts/errors.ts";
import { inTransaction, type Sql } from "../platform/postgres.ts";
import { topUpInTransaction } from "./top_up.ts";
import { deriveTransferId } from "./transfers.ts";
import type { Balance } from "./workspaces.ts";

/** The answer exactly as it was sent. */
export interface StoredAnswer {
  status: number;
  body: unknown;
}

/**
 * How long answers are kept. After that the transfer id, which is derived from the key, still
 * prevents a second top-up.
 */
const answersKeptHours = 24;
/** Rows that one purge statement deletes at most, to keep its transaction short. */
const purgedRowsMax = 5_000;

/**
 * Adds credit, once per workspace and key. A repeat gets the stored answer. `balance` is null when
 * no credit moved in this call.
 * @param answer makes what is stored and sent; it runs inside the transaction and must have no side
 * effects.
 * @throws AppError idempotency_key_reused (another amount), idempotency_key_in_flight,
 * workspace_not_found, amount_invalid
 */
export async function topUpByKey(
  sql: Sql,
  request: { workspaceId: string; key: string; amountMilli: bigint },
  answer: (transferId: string, balance: Balance) => StoredAnswer,
): Promise<{ answer: StoredAnswer; balance: Balance | null }> {
  const { workspaceId, key, amountMilli } = request;
  const requestSha256 = createHash("sha256")
    .update(JSON.stringify({ workspaceId, amountMilli: amountMilli.toString() }))
    .digest();
  const transferId = deriveTransferId("top_up", workspaceId, key);
  return inTransaction(sql, async (transaction) => {
    // a try-lock: a caller that arrives while the first request is under way is refused at once. It
    // ends with the transaction, so a crash leaves nothing behind
    const [lock] = await transaction<{ isOurs: boolean }[]>`
      select pg_try_advisory_xact_lock(hashtextextended(${transferId}, 0)) as "isOurs"`;
    if (lock?.isOurs !== true) {
      throw new AppError("idempotency_key_in_flight", "A top-up with this Idempotency-Key is under way.", { retryAfterS: 1 });
    }
    const [stored] = await transaction<{ requestSha256: Buffer; status: number; body: unknown }[]>`
      select request_sha256 as "requestSha256", response_status as status, response as body
      from idempotency_key where workspace_id = ${workspaceId} and key = ${key}`;
    if (stored !== undefined) {
      if (!requestSha256.equals(stored.requestSha256)) throw keyReused();
      return { answer: { status: stored.status, body: stored.body }, balance: null };
    }
    const { existed, balance } = await topUpInTransaction(transaction, { workspaceId, transferId, amountMilli }).catch((error) => {
      throw error instanceof AppError && error.code === "transfer_conflict" ? keyReused() : error;
    });
    const answered = answer(transferId, balance);
    await transaction`
      insert into idempotency_key (workspace_id, key, request_sha256, response_status, response)
      values (${workspaceId}, ${key}, ${requestSha256}, ${answered.status}, ${transaction.json(answered.body as never)})`;
    return { answer: answered, balance: existed ? null : balance };
  });
}

/** Deletes old answers, a bounded number per call. @returns how many. */
export async function purgeStoredAnswers(sql: Sql): Promise<number> {
  const purged = await sql`
    delete from idempotency_key where ctid = any (array(
      select ctid from idempotency_key where created_at < now() - make_interval(hours => ${answersKeptHours}) limit ${purgedRowsMax}))`;
  return purged.count;
}

function keyReused(): AppError {
  return new AppError("idempotency_key_reused", "This Idempotency-Key was used with another amount.");
}
