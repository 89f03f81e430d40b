// Who is calling: API keys, checked through rpc by their SHA-256 and cached for a short time. Used by webapi and salesapi.
import { AppError, isAppError } from "../contracts/errors.ts";
import type { CreditClient } from "./grpc.ts";
import { sha256 } from "./sha256.ts";

export const keyScopes = ["admin", "send", "read"] as const;
export type KeyScope = (typeof keyScopes)[number];

export interface Caller {
  keyId: string;
  /** null: a key of the whole installation. */
  workspaceId: string | null;
  scopes: ReadonlySet<KeyScope>;
}

export type Authenticate = (authorization: string | undefined) => Promise<Caller>;

/** A revoked key goes on for at most so long; a process goes on for so long while rpc is down. */
const cacheMs = 30_000;
/** Keys are long random words: more is not a key. */
const keyLengthMax = 200;
/** Callers remembered; the oldest are forgotten first. */
const cachedMax = 10_000;

/**
 * A function from an `Authorization: Bearer <key>` header to its caller.
 * It throws AppError key_missing, key_invalid, or service_unavailable when rpc is silent and the key is not cached.
 */
export function createAuthenticator(creditClient: Pick<CreditClient, "authenticateKey">): Authenticate {
  const cache = new Map<string, { caller: Caller; until: number }>();
  const remember = (keySha256: string, caller: Caller) => {
    cache.delete(keySha256);
    if (cache.size >= cachedMax) cache.delete(cache.keys().next().value as string);
    cache.set(keySha256, { caller, until: performance.now() + cacheMs });
  };
  return async (authorization) => {
    const keySha256 = sha256(bearerToken(authorization)).toString("hex");
    const cached = cache.get(keySha256);
    if (cached !== undefined && cached.until > performance.now()) return cached.caller;
    try {
      const answer = await creditClient.authenticateKey({ keySha256 });
      const caller: Caller = {
        keyId: answer.keyId,
        workspaceId: answer.workspaceId === "" ? null : answer.workspaceId,
        scopes: new Set(answer.scopes as KeyScope[]),
      };
      remember(keySha256, caller);
      return caller;
    } catch (error) {
      if (isAppError(error, "key_invalid")) cache.delete(keySha256);
      throw error;
    }
  };
}

/** The key of an `Authorization: Bearer <key>` header. @throws AppError key_missing. */
export function bearerToken(authorization: string | undefined): string {
  const match = /^Bearer +(\S+)$/i.exec(authorization ?? "");
  const key = match?.[1];
  if (key === undefined || key.length > keyLengthMax) {
    throw new AppError("key_missing", "Send your API key as `Authorization: Bearer <key>`.");
  }
  return key;
}

/** @throws AppError scope_missing unless the caller has the scope. `admin` includes the others; `send` includes `read`. */
export function requireScope(caller: Caller, scope: KeyScope): void {
  const { scopes } = caller;
  const isAllowed = scopes.has("admin") || scopes.has(scope) || (scope === "read" && scopes.has("send"));
  if (!isAllowed) throw new AppError("scope_missing", `This key lacks the scope ${scope}.`, { details: { scope } });
}

/** The workspace that the key belongs to. @throws AppError scope_missing for a key of the whole installation. */
export function requireWorkspace(caller: Caller): string {
  if (caller.workspaceId === null) {
    throw new AppError("scope_missing", "This key belongs to the whole installation; use a key of a workspace.", {
      details: { scope: "send" },
    });
  }
  return caller.workspaceId;
}
