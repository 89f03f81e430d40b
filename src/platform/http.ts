// The HTTP server of every process: problem+json errors, limits, Host and Origin check, health,
// readiness, metrics, OpenAPI. Knows no route of a domain.
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
import { AppError, errorRules } from "../contracts/errors.ts";
import { answerClientError, answerOddRequests, watchSlowBodies } from "./bare_connections.ts";
import { findBearerToken } from "./bearer_token.ts";
import { isLoopback } from "./config.ts";
import { answerDirectly, type DirectRoute } from "./direct_route.ts";
import { type Log, logFailure } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { withoutBrackets } from "./own_address.ts";
import { nothingHere, problemAnswer, problemOf } from "./problem.ts";
import { findSessionToken } from "./session_cookie.ts";
import { sha256 } from "./sha256.ts";

export type HttpServer = ReturnType<typeof withZod>;

/**
 * A JSON command of ours is far smaller; uploads and receipts set their own limit on their route.
 */
const bodyBytesMaxDefault = 64 * 1024;
const headerBytesMax = 16 * 1024;
export const headersTimeoutMs = 10_000;
/** How often node looks for headers that are late; its own 30 s would add to the limit. */
const lateCheckMs = 2_000;
/** A body that brings next to nothing for so long is given up. */
export const bodyStallMsDefault = 30_000;
/** A dependency that has not answered by then is not ready. */
const readyCheckMs = 1_500;

export interface HttpServerOptions {
  /** The process's name, and what /docs calls it. */
  name: string;
  description: string;
  log: Log;
  metrics: Metrics;
  /** What must answer for /ready: name -> a promise that rejects when it does not. */
  checks: Record<string, () => Promise<unknown>>;
  /**
   * The address that it will listen on: on loopback, Host and Origin must be loopback too (DNS
   * rebinding).
   */
  host: string;
  allowedHosts: readonly string[];
  /** By API key or session; null for a server without callers from outside (management). */
  requestsPerMinute: number | null;
  /** The hottest ones; each has a route in the framework too, for what is not usual. */
  directRoutes?: readonly DirectRoute[];
  /** For tests, which do not wait half a minute. */
  bodyStallMs?: number;
}

/** A server without routes of its own; add them, then `listen`. */
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
  refuseWhenDraining(app);
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply, options.log));
  app.setNotFoundHandler((request, reply) => sendNotFound(request, reply, routes));
  // like all hooks of every request without a promise, which each would cost
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
        new AppError("rate_limited", `More than ${context.max} requests a minute.`, { retryAfterS: Math.ceil(context.ttl / 1_000) }),
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

/** Opens the door. @returns the port, also when 0 was asked for. */
export async function listen(app: HttpServer, listener: { host: string; port: number }): Promise<number> {
  await app.listen({ host: withoutBrackets(listener.host), port: listener.port });
  const address = app.server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

/** The management door of a process whose own door is not HTTP (workers, rpc). */
export async function startManagementServer(
  options: Omit<HttpServerOptions, "requestsPerMinute" | "description"> & { port: number },
): Promise<{ port: number; close(): Promise<void> }> {
  const app = await createHttpServer({ ...options, description: "health, readiness, metrics", requestsPerMinute: null });
  const port = await listen(app, options);
  return { port, close: () => app.close() };
}

/**
 * What people and programs ask: receipts are signed instead of keyed, and have counters of their
 * own; probes and scrapes are no work.
 */
function countRequests(app: HttpServer, metrics: Metrics): void {
  const requests = metrics.counter("http_requests_total", "Requests with an API key or a session that were answered");
  app.addHook("onResponse", ({ headers }, _reply, done) => {
    if (headers.authorization !== undefined || headers.cookie !== undefined) requests.inc();
    done();
  });
}

/**
 * A request on a connection that was kept open while the process drains: it takes nothing new, and
 * says that another try may help.
 */
function refuseWhenDraining(app: HttpServer): void {
  let isDraining = false;
  app.addHook("preClose", async () => {
    isDraining = true;
  });
  app.addHook("onRequest", (_request, _reply, done) => {
    done(isDraining ? new AppError("service_unavailable", "This process is being stopped.", { retryAfterS: 1 }) : undefined);
  });
}

function withZod(log: Log) {
  return fastify({
    logger: false,
    bodyLimit: bodyBytesMaxDefault,
    trustProxy: false,
    // refuseWhenDraining says so in our words
    return503OnClosing: false,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    http: {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: lateCheckMs,
      requireHostHeader: false, // checkHost says so in our words
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, headerBytesMax),
    // a URL that the router cannot read reaches no hook and no handler
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply, log),
  })
    .setValidatorCompiler(validatorCompiler)
    .setSerializerCompiler(serializerCompiler)
    .withTypeProvider<ZodTypeProvider>();
}

/**
 * Commands are JSON in UTF-8; any other type is 415. What is no UTF-8 is no JSON (RFC 8259, 8.1):
 * read loosely, a broken name would be stored as \ufffd.
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
  const open = (summary: string) => ({ schema: { tags: ["management"], summary, security: [] }, config: { rateLimit: false } });
  app.get("/health", open("Whether the process is alive"), async () => ({ status: "alive", process: name, pid: process.pid }));
  app.get("/ready", open("Whether what it depends on answers; 503 when something is silent"), async (_request, reply) => {
    const answers = await Promise.all(Object.entries(checks).map(async ([check, ask]) => [check, await isAnswering(ask)] as const));
    const isReady = answers.every(([, isUp]) => isUp);
    return reply.status(isReady ? 200 : 503).send({
      status: isReady ? "ready" : "not ready",
      process: name,
      pid: process.pid,
      checks: Object.fromEntries(answers.map(([check, isUp]) => [check, isUp ? "ok" : "silent"])),
    });
  });
  app.get("/metrics", open("Metrics for Prometheus"), async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}

async function isAnswering(ask: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), readyCheckMs);
  });
  const answered = ask().then(
    () => true,
    () => false,
  );
  const isUp = await Promise.race([answered, overdue]);
  clearTimeout(timer);
  return isUp;
}

/** As checkHost looks at it; most requests name the same one. */
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
 * A page of another site that a browser resolves to loopback must not reach us: its Host or Origin
 * tells.
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
 * Nothing here unpacks a body: taken as it came, one would be refused for its words, or mean
 * something else.
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
  // a client that broke off looks like a lost connection of ours; nobody reads the answer
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
  // a static route without that file has the method all the same
  const isKnownPath = methods.length > 0 && !methods.includes(request.method === "HEAD" ? "GET" : request.method);
  if (isKnownPath) reply.header("allow", methods.join(", "));
  const error = isKnownPath
    ? new AppError("method_not_allowed", `${request.method} is not possible here; allowed: ${methods.join(", ")}.`)
    : new AppError("not_found", nothingHere);
  return reply.status(errorRules[error.code].http).type("application/problem+json").serializer(JSON.stringify).send(problemOf(error));
}

export type { FastifyInstance };
