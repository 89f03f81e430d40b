// Routes that are called thousands of times per second, answered on node's bare request: the
// framework took a third of the CPU that salesapi spent on a single receipt (decision 008). Any
// request that is not the usual one goes to the framework's own route of that path.
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { type Log, logFailure } from "./log.ts";
import { problemAnswer } from "./problem.ts";

/** A route for POST with a JSON body. */
export interface DirectRoute {
  /** The complete path, without a query. */
  path: string;
  bodyBytesMax: number;
  /** @returns the JSON body of the 200 answer. @throws whatever any route throws, answered alike */
  answer(headers: IncomingHttpHeaders, body: Buffer): Promise<object>;
}

export interface DirectRouteOptions {
  log: Log;
  /** Called for each request that a direct route takes. */
  onRequest(request: IncomingMessage): void;
  /** Whether a Host header names this server. */
  isOwnHost(host: string): boolean;
}

/**
 * Takes the usual requests of these routes over from the server's current listener, which gets all
 * others.
 */
export function answerDirectly(server: Server, routes: readonly DirectRoute[], options: DirectRouteOptions): void {
  const byPath = new Map(routes.map((route) => [route.path, route]));
  const others = server.listeners("request") as RequestListener[];
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    const route = request.method === "POST" ? byPath.get(request.url ?? "") : undefined;
    // while the server drains, the framework sends the refusal
    if (route !== undefined && server.listening && isUsual(request, route, options)) take(request, response, route, options);
    else for (const other of others) other.call(server, request, response);
  });
}

function isUsual({ headers, httpVersion }: IncomingMessage, { bodyBytesMax }: DirectRoute, { isOwnHost }: DirectRouteOptions): boolean {
  const { host, origin, expect } = headers;
  return (
    httpVersion === "1.1" &&
    headers["content-type"] === "application/json" &&
    Number(headers["content-length"]) <= bodyBytesMax && // not when there is none: NaN
    headers["transfer-encoding"] === undefined &&
    headers["content-encoding"] === undefined &&
    origin === undefined &&
    expect === undefined &&
    host !== undefined &&
    isOwnHost(host)
  );
}

function take(request: IncomingMessage, response: ServerResponse, route: DirectRoute, { log, onRequest }: DirectRouteOptions): void {
  onRequest(request);
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  // if the client aborts, the handler is never reached and nothing has happened
  request.on("error", () => {});
  request.on("end", () => {
    route.answer(request.headers, pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)).then(
      (answer) => end(response, 200, { "content-type": "application/json; charset=utf-8" }, answer),
      (thrown) => {
        const { status, headers, problem, error } = problemAnswer(thrown);
        if (status >= 500) logFailure(log, error, { method: "POST", route: route.path });
        end(response, status, headers, problem);
      },
    );
  });
}

function end(response: ServerResponse, status: number, headers: Record<string, string>, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) }).end(text);
}
