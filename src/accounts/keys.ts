// API keys: created, listed and revoked by webapi, looked up by rpc. Only the SHA-256 of a key is
// stored; the key itself is shown once.
import { createHash, randomBytes } from "node:crypto";
import { AppError } from "../contracts/errors.ts";
import { type KeyScope, keyScopes } from "../contracts/keys.ts";
import { type AnySql, inTransaction, type Sql } from "../platform/postgres.ts";

export interface ApiKey {
  id: string;
  /** null for a key of the whole installation. */
  workspaceId: string | null;
  name: string;
  scopes: KeyScope[];
  createdAt: Date;
}

/** 256 bits cannot be guessed, so a plain hash is enough: there is no dictionary to try. */
const keyRandomBytes = 32;
/** Lets people and secret scanners recognise a leaked key as ours. */
const keyPrefix = "bk_";
/**
 * Live keys per workspace (or of the installation): enough for one per program, few enough to list
 * on one page.
 */
export const liveKeysMax = 100;

/**
 * Creates a key. `key` cannot be read again later.
 * @throws AppError request_invalid (too many live keys), workspace_not_found
 */
export async function createKey(
  sql: Sql,
  request: { workspaceId: string | null; name: string; scopes: KeyScope[] },
): Promise<ApiKey & { key: string }> {
  const key = keyPrefix + randomBytes(keyRandomBytes).toString("base64url");
  const secretSha256 = createHash("sha256").update(key).digest();
  const created = await inTransaction(sql, async (transaction) => {
    if (request.workspaceId !== null) {
      const [workspace] = await transaction`select id from workspace where id = ${request.workspaceId}`;
      if (workspace === undefined) throw new AppError("workspace_not_found", "There is no such workspace.");
    }
    // two concurrent calls may both see the last free place and exceed the limit by a few, which
    // does no harm
    const [live] = await transaction<{ count: number }[]>`
      select count(*)::int as count from api_key
      where workspace_id is not distinct from ${request.workspaceId} and revoked_at is null`;
    if ((live?.count ?? 0) >= liveKeysMax)
      throw new AppError("request_invalid", `There are ${liveKeysMax} live keys already; revoke one first.`);
    const [row] = await transaction<ApiKey[]>`
      insert into api_key (workspace_id, name, secret_sha256, scopes)
      values (${request.workspaceId}, ${request.name}, ${secretSha256}, ${request.scopes})
      returning ${keyColumns(transaction)}`;
    return row as ApiKey;
  });
  return { ...created, key };
}

/** The live keys of a workspace, or of the whole installation for null; newest first. */
export async function listKeys(sql: AnySql, workspaceId: string | null): Promise<ApiKey[]> {
  return sql<ApiKey[]>`
    select ${keyColumns(sql)} from api_key
    where workspace_id is not distinct from ${workspaceId} and revoked_at is null
    order by id desc limit ${2 * liveKeysMax}`;
}

/**
 * Revokes a key; it stops working once the 30 s caches of its callers expire. Revoking it again
 * changes nothing. `workspaceId`: the workspace that must own the key; undefined allows any.
 * `scopes`: the key must have no scopes beyond these.
 * @throws AppError key_not_found, scope_missing
 */
export async function revokeKey(
  sql: AnySql,
  keyId: string,
  workspaceId: string | undefined,
  scopes: readonly KeyScope[] = keyScopes,
): Promise<void> {
  // scopes never change, so what was read here still holds at the update
  const [key] = await sql<{ isWithin: boolean }[]>`
    with named as (
      select id, scopes <@ ${scopes as KeyScope[]}::text[] as is_within from api_key
      where id = ${keyId} and ${workspaceId === undefined ? sql`true` : sql`workspace_id = ${workspaceId}`}
    ), revoked as (
      update api_key set revoked_at = coalesce(revoked_at, now()) where id in (select id from named where is_within)
    )
    select is_within as "isWithin" from named`;
  if (key === undefined) throw new AppError("key_not_found", "There is no such key.");
  if (!key.isWithin) throw new AppError("scope_missing", "This key may do more than the one that would revoke it.");
}

/**
 * The live key with this SHA-256. Looking the hash up in an index leaks no useful timing: a caller
 * who can choose the first bytes of a hash does not know a key for them.
 * @throws AppError key_invalid
 */
export async function findKey(sql: AnySql, secretSha256Hex: string): Promise<ApiKey> {
  const [key] = /^[0-9a-f]{64}$/.test(secretSha256Hex)
    ? await sql<ApiKey[]>`
        select ${keyColumns(sql)} from api_key
        where secret_sha256 = ${Buffer.from(secretSha256Hex, "hex")} and revoked_at is null`
    : [];
  if (key === undefined) throw new AppError("key_invalid", "The API key is unknown or revoked.");
  return key;
}

function keyColumns(sql: AnySql) {
  return sql`id, workspace_id as "workspaceId", name, scopes, created_at as "createdAt"`;
}
