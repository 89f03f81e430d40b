// The console's cookie at the doors of webapi and salesapi: read, set, cleared, and taken only from
// the console's own pages (Origin).
import type { FastifyRequest } from "fastify";
import { sessionCookie } from "../contracts/console.ts";
import { AppError } from "../contracts/errors.ts";

/** Ours are 43 characters of base64url. */
const tokenShape = /^[\w-]{20,100}$/;

/** The token of a Cookie header; null: none, or what was never one. */
export function findSessionToken(cookie: string | undefined): string | null {
  for (const pair of (cookie ?? "").split(";")) {
    const [name, value] = pair.trim().split("=");
    if (name === sessionCookie && value !== undefined) return tokenShape.test(value) ? value : null;
  }
  return null;
}

/**
 * A Set-Cookie header. Without Secure on plain http, which only loopback should see: a browser
 * would not keep it. `maxAgeS` 0 clears it.
 */
export function sessionCookieHeader(token: string, { maxAgeS, isSecure }: { maxAgeS: number; isSecure: boolean }): string {
  return `${sessionCookie}=${token}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}

/** Whether a page of this origin may use the cookie here. */
export type IsOwnOrigin = (origin: string, request: FastifyRequest) => boolean;

/** The page came from this very door, as the browser reached it. */
export const isSameOrigin: IsOwnOrigin = (origin, request) => URL.canParse(origin) && new URL(origin).host === request.host;

/**
 * Who a request says it is from, for an authenticator: its Authorization header, else its cookie as
 * `Session <token>`. Ports are of one site to SameSite, so another server's page on this machine
 * could send the cookie along: an Origin must be ours, and it must be there for whatever changes
 * something and for a WebSocket, which no cross-origin rule of browsers holds back.
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
