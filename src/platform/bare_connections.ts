// Connections that never become a request that a route could answer: not HTTP, half a request, or
// one that stalls in the middle. Each gets its problem on the bare socket, which is then closed.
// Called by the HTTP server.
import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../contracts/errors.ts";
import { problemOf } from "./problem.ts";

/**
 * Below this rate a body counts as stalled: a phone at the edge of its network sends more, a dead
 * connection sends nothing.
 */
const bodyBytesPerSMin = 1_000;

/** What a process that is to end waits for a body that has begun to arrive. */
const drainingBodyMs = 1_000;

export interface SlowBodies {
  /** Watches the body of a request until all of it has arrived. */
  watch(request: IncomingMessage): void;
  /** The process is to end: bodies that do not arrive within a second are given up. */
  drain(): void;
  close(): void;
}

/**
 * Ends requests whose body arrives slower than `bodyBytesPerSMin` over `stallMs`. Without this, a
 * client whose network is gone would hold its upload slot, its file and its Idempotency-Key
 * forever, because TCP alone never reports it.
 */
export function watchSlowBodies(stallMs: number): SlowBodies {
  // keyed by connection, which has one request at a time: no request needs a listener of its own
  const current = new Map<Socket, { request: IncomingMessage; bytesBefore: number }>();
  let draining: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    for (const [socket, seen] of current) {
      if (seen.request.complete || seen.request.destroyed) continue;
      if (socket.bytesRead - seen.bytesBefore < (bodyBytesPerSMin * stallMs) / 1_000) endWithProblem(socket, incomplete());
      else seen.bytesBefore = socket.bytesRead;
    }
  }, stallMs).unref();
  return {
    watch(request) {
      const { socket } = request;
      // a request that arrived just before a check still gets its full time
      const bytesBefore = Number.NEGATIVE_INFINITY;
      const seen = current.get(socket);
      if (seen !== undefined) {
        seen.request = request;
        seen.bytesBefore = bytesBefore;
        return;
      }
      current.set(socket, { request, bytesBefore });
      socket.once("close", () => current.delete(socket));
    },
    drain() {
      draining = setInterval(() => {
        for (const [socket, { request }] of current) if (!request.complete && !request.destroyed) endWithProblem(socket, beingStopped());
      }, drainingBodyMs).unref();
    },
    close() {
      clearInterval(timer);
      clearInterval(draining);
    },
  };
}

/** Gives a problem also to requests that node would answer without a body, or not at all. */
export function answerOddRequests(server: Server): void {
  // an unknown expectation may be ignored (RFC 9110, 10.1.1)
  server.on("checkExpectation", (request, response) => server.emit("request", request, response));
  server.on("connect", (_request: IncomingMessage, socket: Duplex) =>
    endWithProblem(socket, new AppError("method_not_allowed", "This server is not a proxy: CONNECT is not supported.")),
  );
}

/** Handles errors of node's HTTP parser, for input that never becomes a complete request. */
export function answerClientError(error: Error & { code?: string }, socket: Duplex, headerBytesMax: number): void {
  if (error.code === "ECONNRESET") socket.destroy(error);
  else endWithProblem(socket, toClientError(error.code, headerBytesMax));
}

/** Maps the error code of node's HTTP parser. */
function toClientError(code: string | undefined, headerBytesMax: number): AppError {
  if (code === "HPE_HEADER_OVERFLOW") return new AppError("header_too_large", `The headers are above ${headerBytesMax} bytes.`);
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? incomplete() : new AppError("request_invalid", "This is not HTTP.");
}

/** What a process answers that is to end. */
export const beingStopped = () => new AppError("service_unavailable", "This process is being stopped.", { retryAfterS: 1 });

const incomplete = () => new AppError("request_incomplete", "The request did not arrive whole in time.");

/**
 * Writes the problem as a complete HTTP response and ends the connection. If a response has begun
 * already, the connection is only cut.
 */
export function endWithProblem(socket: Duplex & { _httpMessage?: { headersSent?: boolean } | null }, error: AppError): void {
  if (!socket.writable || socket._httpMessage?.headersSent === true) {
    socket.destroy();
    return;
  }
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
