// POST /create and POST /messages under an Idempotency-Key: who holds the key, and what was
// answered. Locks: the campaign first, then the key. A key is in flight while its answer is null
// and its import lives; an import that died leaves it free for anything.
import { AppError } from "../../contracts/errors.ts";
import type { AnySql, TransactionSql } from "../../platform/postgres.ts";

export interface IdempotencyClaim {
  workspaceId: string;
  key: string;
  /** SHA-256 over all that was asked for: the fields, and the bytes of the file. */
  requestSha256: Buffer;
}

/** What is stored under a key says at least which campaign it made. */
export interface StoredAnswer {
  id: string;
}

interface KeyRow<Answer> {
  bulksms_id: string;
  request_sha256: Buffer | null;
  response: Answer | null;
  is_alive: boolean;
}

/**
 * The stored answer of this very request, or null when it is to be done. @throws AppError
 * idempotency_key_reused, idempotency_key_in_flight.
 */
export async function findAnswer<Answer extends StoredAnswer>(sql: AnySql, claim: IdempotencyClaim): Promise<Answer | null> {
  const row = await readKey<Answer>(sql, claim);
  return row === null ? null : judgeKey(row, claim);
}

/**
 * Takes the key for a campaign that the same transaction has inserted. Null: it is ours. Otherwise
 * the answer that another request, quicker by a moment, has stored. @throws AppError
 * idempotency_key_reused, idempotency_key_in_flight.
 */
export async function claimKey<Answer extends StoredAnswer>(
  transaction: TransactionSql,
  claim: IdempotencyClaim,
  bulksmsId: string,
): Promise<Answer | null> {
  const { workspaceId, key, requestSha256 } = claim;
  const inserted = await transaction`
    insert into idempotency_key (workspace_id, key, bulksms_id, request_sha256) values (${workspaceId}, ${key}, ${bulksmsId}, ${requestSha256})
    on conflict (workspace_id, key) do nothing`;
  if (inserted.count === 1) return null;
  const held = await readKey<Answer>(transaction, claim);
  if (held === null) throw inFlight();
  // ours already: the transaction was committed, its answer lost, and this is its repetition
  if (held.bulksms_id === bulksmsId) return null;
  // its import cannot be closed while we look at its lease
  await transaction`select from bulksms where id = ${held.bulksms_id} for no key update`;
  const row = await readKey<Answer>(transaction, claim);
  if (row === null) throw inFlight();
  const answer = judgeKey(row, claim);
  if (answer !== null) return answer;
  const taken = await transaction`
    update idempotency_key set bulksms_id = ${bulksmsId}, request_sha256 = ${requestSha256}, created_at = now()
    where workspace_id = ${workspaceId} and key = ${key} and bulksms_id = ${row.bulksms_id} and response is null`;
  if (taken.count === 0) throw inFlight();
  return null;
}

/** Stores the answer with the effect, in its transaction. False: the key has been taken from us. */
export async function storeAnswer<Answer extends StoredAnswer>(
  transaction: TransactionSql,
  claim: IdempotencyClaim,
  status: number,
  answer: Answer,
): Promise<boolean> {
  const stored = await transaction`
    update idempotency_key set response_status = ${status}, response = ${transaction.json({ ...answer } as never)}
    where workspace_id = ${claim.workspaceId} and key = ${claim.key} and bulksms_id = ${answer.id} and response is null`;
  return stored.count === 1;
}

async function readKey<Answer>(sql: AnySql, { workspaceId, key }: IdempotencyClaim): Promise<KeyRow<Answer> | null> {
  const [row] = await sql<KeyRow<Answer>[]>`
    select k.bulksms_id, k.request_sha256, k.response,
      coalesce(b.status = 'importing' and b.import_lease_until > clock_timestamp(), false) as is_alive
    from idempotency_key k left join bulksms b on b.id = k.bulksms_id
    where k.workspace_id = ${workspaceId} and k.key = ${key}`;
  return row ?? null;
}

function judgeKey<Answer>(row: KeyRow<Answer>, { requestSha256 }: IdempotencyClaim): Answer | null {
  const isSame = row.request_sha256?.equals(requestSha256) === true;
  if (row.response === null && !row.is_alive) return null;
  if (!isSame) throw new AppError("idempotency_key_reused", "This Idempotency-Key was used with other fields or another file.");
  if (row.response === null) throw inFlight();
  return row.response;
}

export function inFlight(): AppError {
  return new AppError("idempotency_key_in_flight", "A request with this Idempotency-Key is being worked on.", { retryAfterS: 1 });
}

/** An Idempotency-Key at most, as the column idempotency_key.key has it. */
const keyCharactersMax = 255;

/** The header's key; null without one. @throws AppError idempotency_key_invalid */
export function readKeyHeader(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === "string" && header.length <= keyCharactersMax && /^[\x21-\x7e]+$/.test(header)) return header;
  throw new AppError("idempotency_key_invalid", `Idempotency-Key: 1 to ${keyCharactersMax} visible ASCII characters, once.`);
}

/**
 * Takes the key from a campaign that came to nothing: the same request may be made again. No lock
 * but the key's: its campaign is locked by the caller.
 */
export async function freeKey(transaction: TransactionSql, workspaceId: string, bulksmsId: string): Promise<void> {
  await transaction`delete from idempotency_key where workspace_id = ${workspaceId} and bulksms_id = ${bulksmsId}`;
}
