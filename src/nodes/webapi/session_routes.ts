// POST, GET, DELETE /session and POST /session/links: signing in to the console by a one-time link
// or an API key. The cookie's rules stand in platform.
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type Authenticate, callerCachedS, hasScope, requireInstallation } from "../../accounts/authenticator.ts";
import { type ConsoleSession, createLink, createSession, endSession, findSession, redeemLink } from "../../accounts/console_sessions.ts";
import {
  linkAnswer,
  linkMinutes,
  linkRequest,
  type SessionAnswer,
  type SessionRequest,
  sessionAnswer,
  sessionRequest,
} from "../../contracts/console.ts";
import { AppError } from "../../contracts/errors.ts";
import { keyScopes } from "../../contracts/keys.ts";
import { answerOfList } from "../../contracts/prices.ts";
import { readPriceList } from "../../credit/prices.ts";
import { readWorkspace } from "../../credit/workspaces.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import { findBearerToken } from "../../platform/bearer_token.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { Sql } from "../../platform/postgres.ts";
import { credentialsOf, findSessionToken, isSameOrigin, sessionCookieHeader } from "../../platform/session_cookie.ts";
import { sha256 } from "../../platform/sha256.ts";
import { assertMaySee, type Callers } from "./callers.ts";

/** Sign-ins of one address, good and bad: no person needs more, and each costs a transaction. */
const signInsPerMinuteMax = 60;

/** How a browser finds salesapi. */
export interface SalesapiAddress {
  /**
   * As processes reach it: its port is the browser's too, unless `salesapiPublicUrl` says where it
   * is.
   */
  salesapiUrl: string;
  salesapiPublicUrl: string;
}

/** What a text costs and its numbers' default country, as in salesapi: for previews. */
export interface SendingSettings {
  defaultCountry: string;
  textPartsMax: number;
}

export interface SessionRoutesOptions extends SalesapiAddress {
  sending: SendingSettings;
  sql: Sql;
  authenticate: Authenticate;
  callers: Callers;
  log: Log;
}

const tags = ["console"];

export function addSessionRoutes(app: HttpServer, options: SessionRoutesOptions): void {
  addSignIn(app, options);
  addSessionReads(app, options);
  addSignInLinks(app, options);
}

function addSignIn(app: HttpServer, options: SessionRoutesOptions): void {
  const { sql, log } = options;
  app.post(
    "/session",
    {
      config: { rateLimit: { max: signInsPerMinuteMax, keyGenerator: (request: FastifyRequest) => `sign-in ${request.ip}` } },
      schema: {
        tags,
        security: [],
        summary: "Sign in by a one-time link's token or an API key: sets the console's cookie",
        body: sessionRequest,
        response: { 201: sessionAnswer },
      },
    },
    async (request, reply) => {
      const { origin, cookie } = request.headers;
      if (origin !== undefined && !isSameOrigin(origin, request)) {
        throw new AppError("origin_refused", "Only the console's own pages can sign in.");
      }
      const signIn = async () => {
        const session = await beginSession(request.body, request.ip, options);
        const earlier = findSessionToken(cookie);
        if (earlier !== null && origin !== undefined) await endSession(sql, earlier);
        return { session, answer: await toAnswer(session, request, options) };
      };
      const { session, answer } = await answerInTime(reply.elapsedTime, signIn());
      log.info({ event: "session.began", sessionId: session.id, workspaceId: session.workspaceId });
      const maxAgeS = Math.floor((session.expiresAt.getTime() - Date.now()) / 1_000);
      return reply
        .status(201)
        .header("set-cookie", sessionCookieHeader(session.token, { maxAgeS, isSecure: isSecure(request) }))
        .header("cache-control", "no-store")
        .send(answer);
    },
  );
}

/** Who is signed in, and signing out. */
function addSessionReads(app: HttpServer, options: SessionRoutesOptions): void {
  const { sql } = options;
  app.get(
    "/session",
    { schema: { tags, security: [], summary: "Who is signed in", response: { 200: sessionAnswer } } },
    async (request, reply) => {
      const token = ownToken(request);
      if (token === null) throw new AppError("key_missing", "Nobody is signed in.");
      const read = async () => toAnswer(await findSession(sql, sha256(token).toString("hex")), request, options);
      const answer = await answerInTime(reply.elapsedTime, read());
      return reply.header("cache-control", "no-store").send(answer);
    },
  );
  app.delete(
    "/session",
    {
      schema: {
        tags,
        security: [],
        summary: `Sign out; a copy of the cookie is refused within ${callerCachedS} s`,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const token = ownToken(request);
      if (token !== null) await answerInTime(reply.elapsedTime, endSession(sql, token));
      return reply
        .status(204)
        .header("set-cookie", sessionCookieHeader("", { maxAgeS: 0, isSecure: isSecure(request) }))
        .send(null);
    },
  );
}

function addSignInLinks(app: HttpServer, { sql, callers, log }: SessionRoutesOptions): void {
  app.post(
    "/session/links",
    {
      onRequest: callers.require("admin"),
      schema: {
        tags,
        summary: `A link that signs in once, within ${linkMinutes} minutes, with all rights in the workspace. It is shown only once`,
        body: linkRequest,
        response: { 201: linkAnswer },
      },
    },
    async (request, reply) => {
      const caller = callers.of(request);
      requireInstallation(caller);
      const { token, expiresAt } = await answerInTime(reply.elapsedTime, createLink(sql, request.body.workspace_id));
      log.info({ event: "session.link_created", workspaceId: request.body.workspace_id, byKeyId: caller.keyId });
      return reply
        .status(201)
        .header("cache-control", "no-store")
        .send({ token, path: `/sign-in#${token}`, expires_at: expiresAt.toISOString() });
    },
  );
}

/**
 * @throws AppError token_invalid, key_invalid, rate_limited, request_invalid, workspace_not_found,
 * service_unavailable
 */
async function beginSession(
  asked: SessionRequest,
  address: string,
  { sql, authenticate }: SessionRoutesOptions,
): Promise<ConsoleSession & { token: string }> {
  if ("token" in asked) return redeemLink(sql, asked.token);
  const authorization = `Bearer ${asked.api_key}`;
  if (findBearerToken(authorization) === null) throw new AppError("key_invalid", "The API key is unknown or revoked.");
  const caller = await authenticate(authorization, address);
  if (asked.workspace_id !== undefined) assertMaySee(caller, asked.workspace_id);
  const workspaceId = caller.workspaceId ?? asked.workspace_id;
  if (workspaceId === undefined) {
    throw new AppError("request_invalid", "This key belongs to the whole installation: name a workspace_id to sign in to.");
  }
  const scopes = keyScopes.filter((scope) => hasScope(caller, scope));
  return createSession(sql, { workspaceId, keyId: caller.keyId, scopes, seesSystem: caller.seesSystem });
}

async function toAnswer(session: ConsoleSession, request: FastifyRequest, options: SessionRoutesOptions): Promise<SessionAnswer> {
  const [{ name }, list] = await Promise.all([readWorkspace(options.sql, session.workspaceId), readPriceList(options.sql)]);
  return {
    workspace_id: session.workspaceId,
    workspace_name: name,
    scopes: session.scopes,
    sees_system: session.seesSystem,
    salesapi_url: salesapiSeenBy(request, options),
    price_list: answerOfList(list),
    default_country: options.sending.defaultCountry,
    text_parts_max: options.sending.textPartsMax,
    expires_at: session.expiresAt.toISOString(),
  };
}

/** The cookie goes to the same host name alone, so localhost and 127.0.0.1 are not exchanged. */
export function salesapiSeenBy(
  request: Pick<FastifyRequest, "protocol" | "hostname">,
  { salesapiUrl, salesapiPublicUrl }: SalesapiAddress,
): string {
  if (salesapiPublicUrl !== "") return salesapiPublicUrl;
  const { port } = new URL(salesapiUrl);
  return `${request.protocol}://${request.hostname}${port === "" ? "" : `:${port}`}`;
}

/** The token of the cookie that a page of ours sent. @throws AppError origin_refused */
function ownToken(request: FastifyRequest): string | null {
  const token = findSessionToken(request.headers.cookie);
  if (token !== null) credentialsOf(request, isSameOrigin);
  return token;
}

/** The browser speaks TLS to whatever stands before us. */
const isSecure = ({ headers }: FastifyRequest): boolean => headers.origin?.startsWith("https://") === true;
