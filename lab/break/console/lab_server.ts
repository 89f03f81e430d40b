// The lab's web server on 127.0.0.1: the page, its live figures (webapi's WebSocket, with the key
// added here), and /lab/* for the buttons. A separate server, so that it stays up while webapi is
// down.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { type LabState, labCommand, labEntry } from "../../../src/contracts/lab_console.ts";
import { createEntrance, type Entrance } from "./access.ts";
import { type Controls, Refusal } from "./controls.ts";

/** A command is one short line of JSON. */
const bodyBytesMax = 2_000;

export interface PageFile {
  type: string;
  body: Uint8Array;
}

export interface LabServerOptions {
  /** 0 picks a free one. Always on 127.0.0.1. */
  port: number;
  /** By path; `/` is the page itself. */
  files: ReadonlyMap<string, PageFile>;
  webapiUrl: string;
  apiKey: string;
  controls: Controls;
  state: () => LabState;
}

export interface LabServer {
  /** With its secret, valid for one visit; each call creates another. */
  link(): string;
  close(): Promise<void>;
}

export async function openLabServer(options: LabServerOptions): Promise<LabServer> {
  const entrance = createEntrance();
  const server = createServer((request, response) => {
    serve(options, entrance, request, response).catch(() => response.destroy());
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  const tunnels = new Set<Duplex>();
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    if (refusalOf(request) !== null || request.url !== "/ws" || !entrance.isIn(request.headers.cookie)) {
      socket.destroy();
      return;
    }
    tunnels.add(socket.once("close", () => tunnels.delete(socket)));
    tunnel(options, request, socket, head);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    link: () => `http://127.0.0.1:${port}/#${entrance.newSecret()}`,
    async close() {
      for (const socket of tunnels) socket.destroy();
      await closeServer(server);
    },
  };
}

async function serve(options: LabServerOptions, entrance: Entrance, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refusal = refusalOf(request);
  if (refusal !== null) return answer(response, 403, refusal);
  const path = request.url ?? "/";
  if (!path.startsWith("/lab/")) return sendFile(options.files.get(path), request, response);
  if (request.method === "POST" && path === "/lab/enter") return enter(entrance, request, response);
  if (!entrance.isIn(request.headers.cookie)) return answer(response, 401, "Open the link that the lab printed in its terminal.");
  if (request.method === "GET" && path === "/lab/state") return sendJson(response, 200, options.state());
  if (request.method !== "POST" || path !== "/lab/do")
    return answer(response, 404, "There is POST /lab/enter, GET /lab/state, POST /lab/do.");
  const command = labCommand.safeParse(await readJson(request));
  if (!command.success) return answer(response, 422, `No command: ${command.error.issues.map(({ message }) => message).join("; ")}`);
  try {
    await options.controls.perform(command.data);
  } catch (error) {
    if (error instanceof Refusal) return answer(response, 409, error.message);
    return answer(response, 503, `It did not work: ${(error as Error).message}`);
  }
  return sendJson(response, 200, options.state());
}

async function enter(entrance: Entrance, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const entry = labEntry.safeParse(await readJson(request));
  const cookie = entry.success ? entrance.enter(entry.data.secret) : null;
  if (cookie === null)
    return answer(response, 401, "This link was already used, or is not valid. Press Enter in the lab's terminal for another.");
  response.setHeader("set-cookie", cookie);
  return sendJson(response, 200, {});
}

/** Only loopback names, and no page of another origin: this stops DNS rebinding. */
function refusalOf({ headers, method }: IncomingMessage): string | null {
  if (!/^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i.test(headers.host ?? ""))
    return "This server is for this machine only: Host must be localhost.";
  // a WebSocket is a GET, but browsers let any page open one
  const mustSayOrigin = method === "POST" || headers.upgrade !== undefined;
  const isOwn = headers.origin === `http://${headers.host}`;
  if (mustSayOrigin ? !isOwn : headers.origin !== undefined && !isOwn) return "Origin must be this page's own.";
  const type = headers["content-type"]?.split(";")[0]?.trim();
  return method === "POST" && type !== "application/json" ? "A command is JSON." : null;
}

/** Proxies webapi's WebSocket, with the key that the page never sees. Both sides close together. */
function tunnel({ webapiUrl, apiKey }: LabServerOptions, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { hostname, port, host } = new URL(webapiUrl);
  const passed = ["upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"] as const;
  const lines = passed.flatMap((name) => (request.headers[name] === undefined ? [] : [`${name}: ${request.headers[name]}`]));
  const upstream = connect(Number(port), hostname, () => {
    upstream.write(["GET /ws HTTP/1.1", `host: ${host}`, `authorization: Bearer ${apiKey}`, ...lines, "", ""].join("\r\n"));
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  });
  upstream.on("error", () => {});
  upstream.on("close", () => socket.destroy());
  socket.on("close", () => upstream.destroy());
}

/** undefined: not JSON, or far too long for a command. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > bodyBytesMax) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const safeHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

function sendFile(file: PageFile | undefined, { method }: IncomingMessage, response: ServerResponse): void {
  if (file === undefined || (method !== "GET" && method !== "HEAD")) answer(response, 404, "There is nothing at this path.");
  else response.writeHead(200, { ...safeHeaders, "content-type": file.type }).end(file.body);
}

const codes: Readonly<Record<number, string>> = {
  401: "key_invalid",
  403: "host_forbidden",
  404: "not_found",
  409: "lab_refused",
  422: "request_invalid",
  503: "service_unavailable",
};

/** A problem in the format of all our endpoints (RFC 9457). */
function answer(response: ServerResponse, status: number, detail: string): void {
  sendJson(response, status, { type: "about:blank", title: detail, status, detail, code: codes[status] });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const type = status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(status, { ...safeHeaders, "content-type": type }).end(JSON.stringify(body));
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
