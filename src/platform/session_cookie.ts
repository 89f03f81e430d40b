// The console's cookie at the endpoints of webapi and salesapi: read, set, cleared, and accepted
// only from the console's own pages (Origin).
import type { FastifyRequest } from "fastify";
import { sessionCookie } from "../contracts/console.ts";
import { AppError } from "../contracts/errors.ts";

/** Our tokens are 43 characters of base64url. */
const tokenShape = /^[\w-]{20,100}$/;

/** The token of a Cookie header; null if there is none or it cannot be one of ours. */
export function findSessionToken(cookie: string | undefined): string | null {
  for (const pair of (cookie ?? "").split(";")) {
    const [name, value] = pair.trim().split("=");
    if (name === sessionCookie && value !== undefined) return tokenShape.test(value) ? value : null;
  }
  return null;
}

/**
 * Renders a Set-Cookie header. Without Secure on plain http, which only loopback should use: a
 * browser would not keep the cookie. `maxAgeS` 0 clears it.
 */
export function sessionCookieHeader(token: string, { maxAgeS, isSecure }: { maxAgeS: number; isSecure: boolean }): string {
  return `${sessionCookie}=${token}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}

/** Whether a page of this origin may use the cookie here. */
export type IsOwnOrigin = (origin: string, request: FastifyRequest) => boolean;

/** The page came from this very listener, as the browser reached it. */
export const isSameOrigin: IsOwnOrigin = (origin, request) => URL.canParse(origin) && new URL(origin).host === request.host;

/**
 * The credentials of a request, for an authenticator: its Authorization header, else its cookie as
 * `Session <token>`. SameSite ignores ports, so a page of another server on this machine could send
 * the cookie along. Therefore an Origin must be ours, and it is required for everything that
 * changes something and for WebSockets, which browsers' cross-origin rules do not restrict.
 * @throws AppError origin_refused
 */
export function credentialsOf(request: FastifyRequest, isOwnOrigin: IsOwnOrigin): string | undefined {
  const { authorization, cookie, origin, upgrade } = request.headers;
  if (authorization !== undefined) return authorization;
  const token = findSessionToken(cookie);
  if (token === null) return undefined;
  if (origin !== undefined ? isOwnOrigin(origin, request) : isRead(request.method) && upgrade === undefined) return `Session ${token}`;
  throw new AppError("origin_refused", "A signed-in browser is let in from the console's own pages only.");
}

const isRead = (method: string): boolean => method === "GET" || method === "HEAD";
