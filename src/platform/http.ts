// The HTTP server of every process: problem+json errors, limits, Host and Origin check, health, readiness, metrics, OpenAPI. Knows no route of a domain.
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { AppError, type ErrorCode, errorRules } from "../contracts/errors.ts";
import { findBearerToken } from "./authentication.ts";
import { isLoopback } from "./config.ts";
import { errorFields, type Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { asUnavailable } from "./postgres.ts";
import { sha256 } from "./sha256.ts";

export type HttpServer = ReturnType<typeof withZod>;

/** A JSON command of ours is far smaller; uploads and receipts set their own limit on their route. */
const bodyBytesMaxDefault = 64 * 1024;
const headerBytesMax = 16 * 1024;
const headersTimeoutMs = 10_000;
/** A dependency that has not answered by then is not ready. */
const readyCheckMs = 1_500;

export interface HttpServerOptions {
  /** The process's name, and what /docs calls it. */
  name: string;
  says: string;
  log: Log;
  metrics: Metrics;
  /** What must answer for /ready: name -> a promise that rejects when it does not. */
  checks: Record<string, () => Promise<unknown>>;
  /** The address that it will listen on: on loopback, Host and Origin must be loopback too (DNS rebinding). */
  host: string;
  allowedHosts: readonly string[];
  /** By API key; null for a server without callers from outside (management). */
  requestsPerMinute: number | null;
}

/** A server without routes of its own; add them, then `listen`. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = withZod();
  app.removeContentTypeParser("text/plain"); // commands are JSON; any other type is 415
  const routes: Route[] = [];
  app.addHook("onRoute", (route) => {
    for (const method of [route.method].flat()) if (method !== "HEAD") routes.push({ method, pattern: patternOf(route.url) });
  });
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply, options.log));
  app.setNotFoundHandler((request, reply) => sendNotFound(request, reply, routes));
  app.addHook("onRequest", async (request) => checkHost(request, options));
  await app.register(helmet, {
    contentSecurityPolicy: { directives: { "upgrade-insecure-requests": null } },
    strictTransportSecurity: false,
  });
  if (options.requestsPerMinute !== null) {
    await app.register(rateLimit, {
      max: options.requestsPerMinute,
      timeWindow: 60_000,
      cache: 10_000,
      keyGenerator: (request) => sha256(findBearerToken(request.headers.authorization) ?? request.ip).toString("base64"),
      errorResponseBuilder: (_request, context) =>
        new AppError("rate_limited", `More than ${context.max} requests a minute.`, { retryAfterS: Math.ceil(context.ttl / 1_000) }),
    });
  }
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: `bulksms ${options.name}`, description: options.says, version: "1" },
      components: { securitySchemes: { key: { type: "http", scheme: "bearer", description: "API key" } } },
      security: [{ key: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
  addManagementRoutes(app, options);
  return app;
}

/** Opens the door. @returns the port, also when 0 was asked for. */
export async function listen(app: HttpServer, door: { host: string; port: number }): Promise<number> {
  await app.listen({ host: door.host, port: door.port });
  const address = app.server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

/** The management door of a process whose own door is not HTTP (workers, rpc). */
export async function startManagementServer(
  options: Omit<HttpServerOptions, "requestsPerMinute" | "says"> & { port: number },
): Promise<{ port: number; close(): Promise<void> }> {
  const app = await createHttpServer({ ...options, says: "health, readiness, metrics", requestsPerMinute: null });
  const port = await listen(app, options);
  return { port, close: () => app.close() };
}

function withZod() {
  return fastify({
    logger: false,
    bodyLimit: bodyBytesMaxDefault,
    trustProxy: false,
    return503OnClosing: true,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    http: { maxHeaderSize: headerBytesMax, headersTimeout: headersTimeoutMs },
    clientErrorHandler: answerClientError,
  })
    .setValidatorCompiler(validatorCompiler)
    .setSerializerCompiler(serializerCompiler)
    .withTypeProvider<ZodTypeProvider>();
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

/** A page of another site that a browser resolves to loopback must not reach us: its Host or Origin tells. */
function checkHost(request: FastifyRequest, { host, allowedHosts }: HttpServerOptions): void {
  const isAllowed = (name: string) => isLoopback(name) || allowedHosts.includes(name);
  if (!isLoopback(host) && allowedHosts.length === 0) return;
  const { origin } = request.headers;
  const originHost = origin === undefined ? undefined : hostOf(origin);
  if (!isAllowed(request.hostname) || (originHost !== undefined && !isAllowed(originHost))) {
    throw new AppError("origin_refused", "Host or Origin is not one of ours; BULKSMS_ALLOWED_HOSTS adds names.");
  }
}

function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : "";
}

/** Errors of fastify itself, by its code (https://fastify.dev/docs/latest/Reference/Errors/). */
const fastifyErrors: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "content_type_unsupported",
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_EMPTY_JSON_BODY: "json_invalid",
  FST_ERR_CTP_INVALID_JSON_BODY: "json_invalid",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "request_invalid",
  FST_ERR_BAD_URL: "not_found",
  FST_ERR_MAX_PARAM_LENGTH: "not_found",
  FST_ERR_VALIDATION: "request_invalid",
};

/** Any thrown thing as the AppError that the client sees. */
export function toAppError(thrown: unknown): AppError {
  const error = asUnavailable(thrown);
  if (error instanceof AppError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const problems = error.validation.map(
      ({ instancePath, message }) => `${instancePath.slice(1).replaceAll("/", ".") || "body"}: ${message}`,
    );
    const isUnknownField = error.validation.every(({ keyword }) => keyword === "unrecognized_keys");
    return new AppError(isUnknownField ? "field_unknown" : "request_invalid", problems.join("; "), { details: { problems } });
  }
  if (error instanceof SyntaxError && "statusCode" in error && error.statusCode === 400)
    return new AppError("json_invalid", "The body is not valid JSON.");
  const code = error instanceof Error && "code" in error ? fastifyErrors[String(error.code)] : undefined;
  if (code !== undefined) return new AppError(code, (error as Error).message);
  return new AppError("internal", "Something that should not happen did; the log has it.", { cause: error });
}

/** RFC 9457. `code` is stable; the details stand beside it as extension members. */
export function problemOf(error: AppError) {
  const { http, title, isWithoutEffect } = errorRules[error.code];
  return {
    type: "about:blank",
    title,
    status: http,
    detail: error.message,
    code: error.code,
    is_without_effect: isWithoutEffect,
    ...error.details,
  };
}

function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log) {
  const error = toAppError(thrown);
  const problem = problemOf(error);
  if (problem.status >= 500) {
    const level = error.code === "internal" ? "error" : "warn";
    log[level]({
      event: "http.failed",
      code: error.code,
      method: request.method,
      route: request.routeOptions.url,
      ...errorFields(error.cause ?? error),
    });
  }
  if (error.retryAfterS !== undefined) reply.header("retry-after", String(error.retryAfterS));
  if (problem.status === 401) reply.header("www-authenticate", "Bearer");
  return reply.status(problem.status).type("application/problem+json").serializer(JSON.stringify).send(problem);
}

/** What is no whole request never becomes one: it gets its problem on the bare connection, which then ends. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy(error);
    return;
  }
  const problem = problemOf(toClientError(error.code));
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** By the code of node's HTTP parser. */
function toClientError(code: string | undefined): AppError {
  if (code === "HPE_HEADER_OVERFLOW") return new AppError("header_too_large", `The headers are above ${headerBytesMax} bytes.`);
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new AppError("request_incomplete", "The request did not arrive whole in time.");
  return new AppError("request_invalid", "This is not HTTP.");
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
  const isKnownPath = methods.length > 0;
  if (isKnownPath) reply.header("allow", methods.join(", "));
  const error = isKnownPath
    ? new AppError("method_not_allowed", `${request.method} is not possible here; allowed: ${methods.join(", ")}.`)
    : new AppError("not_found", "There is nothing at this path; /docs lists what there is.");
  return reply.status(errorRules[error.code].http).type("application/problem+json").serializer(JSON.stringify).send(problemOf(error));
}

export type { FastifyInstance };
