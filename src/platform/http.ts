// The HTTP server of every process: problem+json errors, limits, Host and Origin checks, health,
// readiness, metrics, OpenAPI. Contains no domain routes.
import { isUtf8 } from "node:buffer";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import type { z } from "zod";
import { AppError, errorRules } from "../contracts/errors.ts";
import { healthAnswer, readyAnswer } from "../contracts/management.ts";
import { answerClientError, answerOddRequests, beingStopped, type SlowBodies, watchSlowBodies } from "./bare_connections.ts";
import { findBearerToken } from "./bearer_token.ts";
import { isLoopback } from "./config.ts";
import { answerDirectly, type DirectRoute } from "./direct_route.ts";
import { type Log, logFailure } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { withoutBrackets } from "./own_address.ts";
import { nothingHere, problemAnswer, problemOf } from "./problem.ts";
import { findSessionToken } from "./session_cookie.ts";
import { sha256 } from "./sha256.ts";
import { succeedsWithin } from "./time/deadline.ts";
import { retryAfterS } from "./time/retry_after.ts";

export type HttpServer = ReturnType<typeof withZod>;

/** Our JSON commands are far smaller; uploads and receipts set their own limit on their route. */
const bodyBytesMaxDefault = 64 * 1024;
const headerBytesMax = 16 * 1024;
export const headersTimeoutMs = 10_000;
/** How often node checks for late headers; its default of 30 s would add to the limit. */
const lateCheckMs = 2_000;
/** A body that makes next to no progress over this time is given up. */
export const bodyStallMsDefault = 30_000;
/** A dependency that has not answered within this time is not ready. */
const readyCheckMs = 1_500;

export interface HttpServerOptions {
  /** Name of the process, also the title of /docs. */
  name: string;
  description: string;
  log: Log;
  metrics: Metrics;
  /** The dependencies that /ready checks: name -> a promise that rejects if it does not answer. */
  checks: Record<string, () => Promise<unknown>>;
  /**
   * The address to listen on. On loopback, Host and Origin must be loopback too (against DNS
   * rebinding).
   */
  host: string;
  allowedHosts: readonly string[];
  /** Limit per API key or session; null for a server without outside callers (management). */
  requestsPerMinute: number | null;
  /** For the hottest routes; each also has a route in the framework, for unusual requests. */
  directRoutes?: readonly DirectRoute[];
  /** For tests, which cannot wait half a minute. */
  bodyStallMs?: number;
}

/** Creates a server without routes of its own; add them, then call `listen`. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = withZod(options.log);
  acceptJsonAlone(app);
  answerOddRequests(app.server);
  const bodies = watchSlowBodies(options.bodyStallMs ?? bodyStallMsDefault);
  app.addHook("onClose", async () => bodies.close());
  answerDirectly(app.server, options.directRoutes ?? [], {
    log: options.log,
    onRequest: bodies.watch,
    isOwnHost: createHostCheck(options),
  });
  const routes: Route[] = [];
  app.addHook("onRoute", (route) => {
    for (const method of [route.method].flat()) if (method !== "HEAD") routes.push({ method, pattern: patternOf(route.url) });
  });
  endConnectionsWhenDraining(app, bodies);
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply, options.log));
  app.setNotFoundHandler((request, reply) => sendNotFound(request, reply, routes));
  // callback style, like all hooks that run for every request: a promise has a cost for each of
  // them
  app.addHook("onRequest", (request, _reply, done) => {
    bodies.watch(request.raw);
    checkHost(request, options);
    checkEncoding(request);
    done();
  });
  await app.register(helmet, {
    contentSecurityPolicy: { directives: { "upgrade-insecure-requests": null } },
    strictTransportSecurity: false,
  });
  if (options.requestsPerMinute !== null) {
    await app.register(rateLimit, {
      max: options.requestsPerMinute,
      timeWindow: 60_000,
      cache: 10_000,
      keyGenerator: (request) =>
        sha256(findBearerToken(request.headers.authorization) ?? findSessionToken(request.headers.cookie) ?? request.ip).toString("base64"),
      errorResponseBuilder: (_request, context) =>
        new AppError("rate_limited", `More than ${context.max} requests a minute.`, { retryAfterS: retryAfterS(context.ttl) }),
    });
  }
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: `bulksms ${options.name}`, description: options.description, version: "1" },
      components: { securitySchemes: { key: { type: "http", scheme: "bearer", description: "API key" } } },
      security: [{ key: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
  addManagementRoutes(app, options);
  countRequests(app, options.metrics);
  return app;
}

/** Starts listening. @returns the actual port, also if 0 was requested. */
export async function listen(app: HttpServer, listener: { host: string; port: number }): Promise<number> {
  await app.listen({ host: withoutBrackets(listener.host), port: listener.port });
  const address = app.server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

/** Starts the management listener of a process whose own listener is not HTTP (workers, rpc). */
export async function startManagementServer(
  options: Omit<HttpServerOptions, "requestsPerMinute" | "description"> & { port: number },
): Promise<{ port: number; close(): Promise<void> }> {
  const app = await createHttpServer({ ...options, description: "health, readiness, metrics", requestsPerMinute: null });
  const port = await listen(app, options);
  return { port, close: () => app.close() };
}

/**
 * Counts the requests of people and programs. Receipts are signed instead of keyed and have
 * counters of their own; probes and scrapes are not counted as work.
 */
function countRequests(app: HttpServer, metrics: Metrics): void {
  const requests = metrics.counter("http_requests_total", "Requests with an API key or a session that were answered");
  app.addHook("onResponse", ({ headers }, _reply, done) => {
    if (headers.authorization !== undefined || headers.cookie !== undefined) requests.inc();
    done();
  });
}

/** While the process drains, connections without a request are closed this often. */
const closeIdleEveryMs = 100;

/**
 * Refuses a request on a kept-alive connection while the process drains, with the hint that a retry
 * may help. The server ends with its last connection, so each is closed behind its answer: a client
 * that keeps it open would hold up the end for as long as it likes.
 */
function endConnectionsWhenDraining(app: HttpServer, bodies: SlowBodies): void {
  let isDraining = false;
  let closingIdle: NodeJS.Timeout | undefined;
  app.addHook("preClose", async () => {
    isDraining = true;
    bodies.drain();
    closingIdle = setInterval(() => app.server.closeIdleConnections(), closeIdleEveryMs);
  });
  app.addHook("onClose", async () => clearInterval(closingIdle));
  app.addHook("onRequest", (_request, _reply, done) => {
    done(isDraining ? beingStopped() : undefined);
  });
}

function withZod(log: Log) {
  return fastify({
    logger: false,
    bodyLimit: bodyBytesMaxDefault,
    trustProxy: false,
    // refuseWhenDraining answers this with our own problem
    return503OnClosing: false,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    http: {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: lateCheckMs,
      requireHostHeader: false, // checkHost answers this with our own problem
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, headerBytesMax),
    // a URL that the router cannot parse reaches neither hook nor handler
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply, log),
  })
    .setValidatorCompiler(validatorCompiler)
    .setSerializerCompiler(serializerCompiler)
    .withTypeProvider<ZodTypeProvider>();
}

/**
 * Commands are JSON in UTF-8; any other type is 415. Invalid UTF-8 is not JSON (RFC 8259, 8.1):
 * decoded leniently, a broken name would be stored as \ufffd.
 */
function acceptJsonAlone(app: HttpServer): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body: Buffer, done) => {
    if (isUtf8(body)) parse(request, body.toString(), done);
    else done(new AppError("json_invalid", "The body is not UTF-8."), undefined);
  });
}

function addManagementRoutes(app: HttpServer, { metrics, checks, name }: HttpServerOptions): void {
  const open = <Response extends Record<number, z.ZodType>>(summary: string, response: Response) => ({
    schema: { tags: ["management"], summary, security: [], response },
    config: { rateLimit: false },
  });
  app.get("/health", open("Whether the process is alive", { 200: healthAnswer }), async () => ({
    status: "alive" as const,
    process: name,
    pid: process.pid,
  }));
  const ready = open("Whether what it depends on answers; 503 when something is silent", { 200: readyAnswer, 503: readyAnswer });
  app.get("/ready", ready, async (_request, reply) => {
    const answers = await Promise.all(
      Object.entries(checks).map(async ([check, ask]) => [check, await succeedsWithin(readyCheckMs, ask())] as const),
    );
    const isReady = answers.every(([, isUp]) => isUp);
    return reply.status(isReady ? 200 : 503).send({
      status: isReady ? ("ready" as const) : ("not ready" as const),
      process: name,
      pid: process.pid,
      checks: Object.fromEntries(answers.map(([check, isUp]) => [check, isUp ? ("ok" as const) : ("silent" as const)])),
    });
  });
  const { schema, config } = open("Metrics for Prometheus", {});
  app.get("/metrics", { schema: { ...schema, response: undefined }, config }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}

/**
 * The check behind checkHost; remembers the last host that passed, since most requests name the
 * same one.
 */
function createHostCheck({ host, allowedHosts }: HttpServerOptions): (header: string) => boolean {
  let lastOwn = "";
  return (header) => {
    if (header === lastOwn) return true;
    const name = hostOf(`http://${header}`).toLowerCase();
    const isOwn =
      (!isLoopback(host) && allowedHosts.length === 0) ||
      isLoopback(name) ||
      allowedHosts.some((allowed) => allowed.toLowerCase() === name);
    if (isOwn) lastOwn = header;
    return isOwn;
  };
}

/**
 * Keeps out a page of another site that a browser resolves to loopback; its Host or Origin gives it
 * away.
 */
function checkHost(request: FastifyRequest, { host, allowedHosts }: HttpServerOptions): void {
  if (request.headers.host === undefined && request.raw.httpVersion === "1.1")
    throw new AppError("request_invalid", "The header Host is missing.");
  const isAllowed = (name: string) =>
    isLoopback(name.toLowerCase()) || allowedHosts.some((allowed) => allowed.toLowerCase() === name.toLowerCase());
  if (!isLoopback(host) && allowedHosts.length === 0) return;
  const { origin } = request.headers;
  const originHost = origin === undefined ? undefined : hostOf(origin);
  if (!isAllowed(request.hostname) || (originHost !== undefined && !isAllowed(originHost))) {
    throw new AppError("origin_refused", "Host or Origin is not one of ours; BULKSMS_ALLOWED_HOSTS adds names.");
  }
}

/**
 * Refuses compressed bodies: nothing here decompresses them, and read as they are they would be
 * rejected for their content, or mean something else.
 */
function checkEncoding(request: FastifyRequest): void {
  const encoding = request.headers["content-encoding"];
  if (encoding === undefined || encoding.toLowerCase() === "identity") return;
  throw new AppError("content_type_unsupported", `Content-Encoding: ${encoding.slice(0, 40)} is not supported; send the body as it is.`);
}

function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : "";
}

function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log) {
  // a client that aborted looks like a lost connection of ours; nobody reads the answer
  const isCut = request.raw.destroyed && !request.raw.complete;
  const { status, headers, problem, error } = problemAnswer(isCut ? new AppError("request_incomplete", "The client broke off.") : thrown);
  if (status >= 500) logFailure(log, error, { method: request.method, route: request.routeOptions.url });
  return reply.status(status).headers(headers).serializer(JSON.stringify).send(problem);
}

interface Route {
  method: string;
  pattern: RegExp;
}

function patternOf(url: string): RegExp {
  const escaped = url
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replace(/:[a-z_]+/gi, "[^/]+")
    .replace("\\*", ".*");
  return new RegExp(`^${escaped}/?$`);
}

function sendNotFound(request: FastifyRequest, reply: FastifyReply, routes: readonly Route[]) {
  const path = request.url.split("?")[0] as string;
  const methods = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
  // a static route without that file still supports the method
  const isKnownPath = methods.length > 0 && !methods.includes(request.method === "HEAD" ? "GET" : request.method);
  if (isKnownPath) reply.header("allow", methods.join(", "));
  const error = isKnownPath
    ? new AppError("method_not_allowed", `${request.method} is not possible here; allowed: ${methods.join(", ")}.`)
    : new AppError("not_found", nothingHere);
  return reply.status(errorRules[error.code].http).type("application/problem+json").serializer(JSON.stringify).send(problemOf(error));
}

export type { FastifyInstance };
