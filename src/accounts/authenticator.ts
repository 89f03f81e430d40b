// Who is calling: API keys and the console's sessions, checked through rpc by their SHA-256 and
// cached for a short time. Used by webapi and salesapi.
import { AppError, isAppError } from "../contracts/errors.ts";
import { bearerToken } from "../platform/bearer_token.ts";
import type { CreditClient } from "../platform/grpc.ts";
import { sha256 } from "../platform/sha256.ts";

export const keyScopes = ["admin", "send", "read"] as const;
export type KeyScope = (typeof keyScopes)[number];

export interface Caller {
  /** Of the key, or of the session. */
  keyId: string;
  /** null: a key of the whole installation. */
  workspaceId: string | null;
  scopes: ReadonlySet<KeyScope>;
  /** May watch the whole installation, whatever its workspace. */
  seesSystem: boolean;
}

/**
 * `address`: where the call comes from; an address that shows too many unknown keys or sessions is
 * told to wait.
 */
export type Authenticate = (authorization: string | undefined, address?: string) => Promise<Caller>;

/** A revoked key goes on for at most so long; a process goes on for so long while rpc is down. */
export const cacheMs = 30_000;
/** The same in the texts that state it. */
export const callerCachedS = cacheMs / 1_000;
/** Callers remembered; the oldest are forgotten first. */
const cachedMax = 10_000;
/** A caller hears within 2 s also while rpc is frozen. */
const checkDeadlineMs = 1_500;
/**
 * Unknown keys of one address: nobody guesses 256 bits, but each costs a look-up in the database.
 * Ten a second, well above any honest mistake.
 */
const unknownKeysPerMinuteMax = 600;

/** What the authenticator asks rpc. */
export type AuthenticatorClient = Pick<CreditClient, "authenticateKey" | "authenticateSession">;

/**
 * A function from `Bearer <key>` (an Authorization header) or `Session <token>` (the console's
 * cookie, `credentialsOf`) to its caller. It throws AppError key_missing, key_invalid,
 * session_invalid, rate_limited (unknown ones alone), or service_unavailable when rpc is silent and
 * it is not cached.
 */
export function createAuthenticator(creditClient: AuthenticatorClient): Authenticate {
  const cache = new Map<string, { caller: Caller; until: number }>();
  const remember = (cacheName: string, caller: Caller) => {
    cache.delete(cacheName);
    if (cache.size >= cachedMax) cache.delete(cache.keys().next().value as string);
    cache.set(cacheName, { caller, until: performance.now() + cacheMs });
  };
  const unknownKeys = createUnknownKeysLimit();
  return async (authorization, address) => {
    const token = findSession(authorization);
    // a session's token is no key and a key no session's token, whatever scheme it is sent by
    const cacheName = `${token === null ? "key" : "session"} ${sha256(token ?? bearerToken(authorization)).toString("hex")}`;
    const cached = cache.get(cacheName);
    if (cached !== undefined && cached.until > performance.now()) return cached.caller;
    // a key that was good before is not held up by whoever tries others from its address
    if (cached === undefined && address !== undefined) unknownKeys.assertFew(address);
    try {
      const caller = await (token === null ? askForKey(creditClient, bearerToken(authorization)) : askForSession(creditClient, token));
      remember(cacheName, caller);
      return caller;
    } catch (error) {
      if (isAppError(error, "key_invalid", "session_invalid")) {
        cache.delete(cacheName);
        if (address !== undefined) unknownKeys.count(address);
      }
      if (isAppError(error, "deadline_exceeded")) {
        throw new AppError("service_unavailable", "The key cannot be checked now.", { retryAfterS: 2, cause: error });
      }
      throw error;
    }
  };
}

async function askForKey(creditClient: AuthenticatorClient, key: string): Promise<Caller> {
  const answer = await creditClient.authenticateKey({ keySha256: sha256(key).toString("hex") }, { deadlineMs: checkDeadlineMs });
  const workspaceId = answer.workspaceId === "" ? null : answer.workspaceId;
  return { keyId: answer.keyId, workspaceId, scopes: new Set(answer.scopes as KeyScope[]), seesSystem: workspaceId === null };
}

async function askForSession(creditClient: AuthenticatorClient, token: string): Promise<Caller> {
  const sessionSha256 = sha256(token).toString("hex");
  const answer = await creditClient.authenticateSession({ sessionSha256 }, { deadlineMs: checkDeadlineMs });
  return {
    keyId: answer.sessionId,
    workspaceId: answer.workspaceId,
    scopes: new Set(answer.scopes as KeyScope[]),
    seesSystem: answer.seesSystem,
  };
}

/** Counts unknown keys by address, a minute at a time. */
function createUnknownKeysLimit() {
  const minuteMs = 60_000;
  const addresses = new Map<string, { keys: number; until: number }>();
  const current = (address: string) => {
    const counted = addresses.get(address);
    return counted !== undefined && counted.until > performance.now() ? counted : undefined;
  };
  return {
    /** @throws AppError rate_limited */
    assertFew(address: string): void {
      const counted = current(address);
      if (counted === undefined || counted.keys < unknownKeysPerMinuteMax) return;
      throw new AppError("rate_limited", "Too many unknown keys came from this address.", {
        retryAfterS: Math.ceil((counted.until - performance.now()) / 1_000),
      });
    },
    count(address: string): void {
      const counted = current(address);
      if (counted !== undefined) {
        counted.keys++;
        return;
      }
      addresses.delete(address);
      if (addresses.size >= cachedMax) addresses.delete(addresses.keys().next().value as string);
      addresses.set(address, { keys: 1, until: performance.now() + minuteMs });
    },
  };
}

/** The token of `Session <token>`; null when it is none. */
function findSession(authorization: string | undefined): string | null {
  return /^Session ([\w-]+)$/i.exec(authorization ?? "")?.[1] ?? null;
}

/** `admin` includes the others; `send` includes `read`. */
export function hasScope({ scopes }: Caller, scope: KeyScope): boolean {
  return scopes.has("admin") || scopes.has(scope) || (scope === "read" && scopes.has("send"));
}

/** @throws AppError scope_missing unless the caller has the scope. */
export function requireScope(caller: Caller, scope: KeyScope): void {
  if (!hasScope(caller, scope)) throw new AppError("scope_missing", `This key lacks the scope ${scope}.`, { details: { scope } });
}

/**
 * The workspace that the key belongs to. @throws AppError scope_missing for a key of the whole
 * installation.
 */
export function requireWorkspace(caller: Caller): string {
  if (caller.workspaceId === null) {
    throw new AppError("scope_missing", "This key belongs to the whole installation; use a key of a workspace.", {
      details: { scope: "send" },
    });
  }
  return caller.workspaceId;
}
