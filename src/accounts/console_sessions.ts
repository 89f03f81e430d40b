// Console sessions and the one-time links that start them: created and ended by webapi, looked up
// by rpc. Only the SHA-256 of a token is stored.
import { randomBytes } from "node:crypto";
import { linkMinutes } from "../contracts/console.ts";
import { AppError } from "../contracts/errors.ts";
import { type KeyScope, keyScopes } from "../contracts/keys.ts";
import { type AnySql, inTransaction, type Sql } from "../platform/postgres.ts";
import { sha256 } from "../platform/sha256.ts";

/** A working day: a browser left open overnight has to sign in again. */
export const sessionS = 12 * 3_600;
/** Enough to get from the terminal to the browser, with a distraction in between. */
export const linkS = linkMinutes * 60;
/** 256 bits, the same as a key. */
const tokenRandomBytes = 32;
/** Sessions per workspace; a further one signs out the oldest. */
const sessionsMax = 1_000;
/** Unused links per workspace; a further one invalidates the oldest. */
const linksMax = 100;

export interface ConsoleSession {
  id: string;
  workspaceId: string;
  scopes: KeyScope[];
  /** Whether the session may watch the whole installation. */
  seesSystem: boolean;
  expiresAt: Date;
}

/** What a session is created with. */
export interface SessionRights {
  workspaceId: string;
  /**
   * The API key that the session was created with; revoking it ends the session. null for a link.
   */
  keyId: string | null;
  scopes: KeyScope[];
  seesSystem: boolean;
}

const newToken = () => randomBytes(tokenRandomBytes).toString("base64url");

/**
 * Creates a link that signs in once, within linkMinutes. `token` cannot be read again later.
 * @throws AppError workspace_not_found
 */
export async function createLink(sql: Sql, workspaceId: string): Promise<{ token: string; expiresAt: Date }> {
  const token = newToken();
  return inTransaction(sql, async (transaction) => {
    await requireWorkspace(transaction, workspaceId);
    await transaction`
      delete from console_link where secret_sha256 in (
        select secret_sha256 from console_link where workspace_id = ${workspaceId} order by created_at desc offset ${linksMax - 1})`;
    const [link] = await transaction<{ expiresAt: Date }[]>`
      insert into console_link (secret_sha256, workspace_id, expires_at)
      values (${sha256(token)}, ${workspaceId}, now() + make_interval(secs => ${linkS}))
      returning expires_at as "expiresAt"`;
    return { token, expiresAt: (link as { expiresAt: Date }).expiresAt };
  });
}

/**
 * Consumes a link and starts a session with all rights in its workspace, because whoever creates
 * links has a key of the whole installation. Atomic: of two callers that use one link at the same
 * moment, the later waits for its row and finds it gone.
 * @throws AppError token_invalid
 */
export async function redeemLink(sql: Sql, token: string): Promise<ConsoleSession & { token: string }> {
  return inTransaction(sql, async (transaction) => {
    const [link] = await transaction<{ workspaceId: string; isLive: boolean }[]>`
      delete from console_link where secret_sha256 = ${sha256(token)}
      returning workspace_id as "workspaceId", expires_at > now() as "isLive"`;
    if (link?.isLive !== true) throw new AppError("token_invalid", "This sign-in link was used, has expired, or never was one.");
    return insertSession(transaction, { workspaceId: link.workspaceId, keyId: null, scopes: [...keyScopes], seesSystem: true });
  });
}

/**
 * Creates a session of 12 h. `token` cannot be read again later.
 * @throws AppError workspace_not_found
 */
export async function createSession(sql: Sql, rights: SessionRights): Promise<ConsoleSession & { token: string }> {
  return inTransaction(sql, async (transaction) => {
    await requireWorkspace(transaction, rights.workspaceId);
    return insertSession(transaction, rights);
  });
}

async function insertSession(sql: AnySql, rights: SessionRights): Promise<ConsoleSession & { token: string }> {
  const token = newToken();
  await sql`
    delete from console_session where id in (
      select id from console_session where workspace_id = ${rights.workspaceId} order by id desc offset ${sessionsMax - 1})`;
  const [session] = await sql<ConsoleSession[]>`
    insert into console_session (secret_sha256, workspace_id, key_id, scopes, sees_system, expires_at)
    values (${sha256(token)}, ${rights.workspaceId}, ${rights.keyId}, ${rights.scopes}, ${rights.seesSystem},
      now() + make_interval(secs => ${sessionS}))
    returning id, workspace_id as "workspaceId", scopes, sees_system as "seesSystem", expires_at as "expiresAt"`;
  return { ...(session as ConsoleSession), token };
}

/**
 * The live session whose token has this SHA-256.
 * @throws AppError session_invalid: signed out, expired, or its key was revoked
 */
export async function findSession(sql: AnySql, secretSha256Hex: string): Promise<ConsoleSession> {
  const [session] = /^[0-9a-f]{64}$/.test(secretSha256Hex)
    ? await sql<ConsoleSession[]>`
        select s.id, s.workspace_id as "workspaceId", s.scopes, s.sees_system as "seesSystem", s.expires_at as "expiresAt"
        from console_session s left join api_key k on k.id = s.key_id
        where s.secret_sha256 = ${Buffer.from(secretSha256Hex, "hex")} and s.expires_at > now() and k.revoked_at is null`
    : [];
  if (session === undefined) throw new AppError("session_invalid", "The session is over; sign in again.");
  return session;
}

/** Signs out; ending a session twice is not an error. */
export async function endSession(sql: AnySql, token: string): Promise<void> {
  await sql`delete from console_session where secret_sha256 = ${sha256(token)}`;
}

/** Deletes expired sessions and links. */
export async function purgeConsoleSessions(sql: AnySql): Promise<void> {
  await sql`delete from console_link where expires_at < now()`;
  await sql`delete from console_session where expires_at < now()`;
}

async function requireWorkspace(sql: AnySql, workspaceId: string): Promise<void> {
  const [workspace] = await sql`select id from workspace where id = ${workspaceId}`;
  if (workspace === undefined) throw new AppError("workspace_not_found", "There is no such workspace.");
}
