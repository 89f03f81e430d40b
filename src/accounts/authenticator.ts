// Who is calling: checks API keys and console sessions through rpc by their SHA-256 and caches the
// answers for a short time. Used by webapi and salesapi.
import { AppError, isAppError } from "../contracts/errors.ts";
import type { KeyScope } from "../contracts/keys.ts";
import { bearerToken } from "../platform/bearer_token.ts";
import type { CreditClient } from "../platform/grpc.ts";
import { sha256 } from "../platform/sha256.ts";
import { retryAfterS } from "../platform/time/retry_after.ts";

export interface Caller {
  /** Id of the key or the session. */
  keyId: string;
  /** null for a key of the whole installation. */
  workspaceId: string | null;
  scopes: ReadonlySet<KeyScope>;
  /** Whether the caller may watch the whole installation, whatever its workspace. */
  seesSystem: boolean;
}

/**
 * `address`: where the call comes from. An address that presents too many unknown keys or sessions
 * is rate limited.
 */
export type Authenticate = (authorization: string | undefined, address?: string) => Promise<Caller>;

/**
 * How long a caller stays cached: a revoked key keeps working at most this long, and callers get
 * through at most this long while rpc is down.
 */
export const cacheMs = 30_000;
/** The same in seconds, for the texts that state it. */
export const callerCachedS = cacheMs / 1_000;
/** Callers in the cache; the oldest are evicted first. */
const cachedMax = 10_000;
/** Keeps the answer to the caller within 2 s even while rpc is frozen. */
const checkDeadlineMs = 1_500;
/**
 * Unknown keys per address: nobody guesses 256 bits, but each try costs a database lookup. Ten per
 * second is well above any honest mistake.
 */
const unknownKeysPerMinuteMax = 600;

/** The methods of rpc that the authenticator calls. */
export type AuthenticatorClient = Pick<CreditClient, "authenticateKey" | "authenticateSession">;

/**
 * Returns a function from `Bearer <key>` (an Authorization header) or `Session <token>` (the
 * console's cookie, see `credentialsOf`) to its caller. That function throws AppError key_missing,
 * key_invalid, session_invalid, rate_limited (unknown credentials only), or service_unavailable
 * when rpc does not answer and the caller is not cached.
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
    // a session token is never accepted as a key, nor a key as a session token, whatever its scheme
    const cacheName = `${token === null ? "key" : "session"} ${sha256(token ?? bearerToken(authorization)).toString("hex")}`;
    const cached = cache.get(cacheName);
    if (cached !== undefined && cached.until > performance.now()) return cached.caller;
    // someone trying other keys from the same address must not block a key that was valid before
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

/** Counts unknown keys per address and minute. */
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
        retryAfterS: retryAfterS(counted.until - performance.now()),
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

/** The token of `Session <token>`; null for any other scheme. */
function findSession(authorization: string | undefined): string | null {
  return /^Session ([\w-]+)$/i.exec(authorization ?? "")?.[1] ?? null;
}

/** `admin` includes the others; `send` includes `read`. */
export function hasScope({ scopes }: Caller, scope: KeyScope): boolean {
  return scopes.has("admin") || scopes.has(scope) || (scope === "read" && scopes.has("send"));
}

/** @throws AppError scope_missing if the caller lacks the scope */
export function requireScope(caller: Caller, scope: KeyScope): void {
  if (!hasScope(caller, scope)) throw new AppError("scope_missing", `This key lacks the scope ${scope}.`, { details: { scope } });
}

/**
 * The id of the workspace that the caller's key belongs to.
 * @throws AppError scope_missing for a key of the whole installation
 */
export function requireWorkspace(caller: Caller): string {
  if (caller.workspaceId === null) {
    throw new AppError("scope_missing", "This key belongs to the whole installation; use a key of a workspace.", {
      details: { scope: "send" },
    });
  }
  return caller.workspaceId;
}

/** @throws AppError scope_missing for a key that belongs to a workspace, whatever its scopes. */
export function requireInstallation(caller: Caller): void {
  if (caller.workspaceId === null) return;
  throw new AppError("scope_missing", "This key belongs to one workspace; use a key of the whole installation.", {
    details: { scope: "admin" },
  });
}
