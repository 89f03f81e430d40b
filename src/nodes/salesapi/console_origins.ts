// The console's pages call salesapi on another port than their own: which origins are allowed (CORS
// with the cookie), and the headers that tell browsers.
import type { FastifyReply, FastifyRequest } from "fastify";
import { idempotentReplayedHeader } from "../../contracts/idempotency.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { IsOwnOrigin } from "../../platform/session_cookie.ts";

/** A browser repeats its preflight after this time. */
const preflightS = 600;
const loopbackNames = ["localhost", "127.0.0.1"] as const;

/**
 * The origins of webapi's address, in every spelling of loopback when it is on it, and those that
 * are set beside it.
 */
export function consoleOrigins(webapiUrl: string, more: readonly string[]): ReadonlySet<string> {
  const { protocol, hostname, port, origin } = new URL(webapiUrl);
  const isLocal = (loopbackNames as readonly string[]).includes(hostname);
  const spellings = isLocal ? loopbackNames.map((name) => `${protocol}//${name}${port === "" ? "" : `:${port}`}`) : [origin];
  return new Set([...spellings, ...more.map((given) => new URL(given).origin)]);
}

/** For `credentialsOf`: the origins that may send the cookie. */
export function isOneOf(origins: ReadonlySet<string>): IsOwnOrigin {
  return (origin) => origins.has(origin);
}

/**
 * Tells browsers that pages of these origins may ask with the cookie and read the answers. Others
 * get no such header, which browsers take as a refusal.
 */
export function allowConsoleOrigins(app: HttpServer, origins: ReadonlySet<string>): void {
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("vary", "Origin");
    const { origin } = request.headers;
    if (origin === undefined || !origins.has(origin)) return done();
    reply
      .header("access-control-allow-origin", origin)
      .header("access-control-allow-credentials", "true")
      .header("access-control-expose-headers", `retry-after, ${idempotentReplayedHeader}`);
    if (isPreflight(request)) sendPreflight(reply);
    else done();
  });
}

const isPreflight = ({ method, headers }: FastifyRequest): boolean =>
  method === "OPTIONS" && headers["access-control-request-method"] !== undefined;

function sendPreflight(reply: FastifyReply): void {
  reply
    .status(204)
    .header("access-control-allow-methods", "GET, POST")
    // a key: the page of carriers asks with that of the installation, which no cookie stands for
    .header("access-control-allow-headers", "authorization, content-type, idempotency-key")
    .header("access-control-max-age", String(preflightS))
    .send();
}
