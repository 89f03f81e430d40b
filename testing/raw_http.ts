// HTTP as bytes on a connection of its own, for requests that no client library would send.
import { connect, type Socket } from "node:net";

export interface RawAnswer {
  /** 0: the connection ended without an answer. */
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  text: string;
  /** The body as JSON; null when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields the answer should have
  body: any;
}

export interface RawRequest {
  method?: string;
  path?: string;
  /**
   * In this order and spelling, duplicated ones too. Host and Connection: close are added unless
   * `isBare`.
   */
  headers?: readonly (readonly [string, string])[];
  /** Content-Length is added unless a header speaks of the body's length. */
  body?: string | Buffer;
  isBare?: boolean;
}

/** No answer within this is a hang. */
const hangMs = 20_000;

/**
 * One request on one connection; resolves with the first final answer. @throws when nothing comes:
 * a hang.
 */
export function askRaw(port: number, request: RawRequest): Promise<RawAnswer> {
  return sendBytes(port, bytesOf(request));
}

/**
 * Sends these bytes, and reads until the other side ends or has answered whole. `isCut`: closes our
 * half behind them, as one who breaks off does.
 */
export function sendBytes(port: number, bytes: string | Buffer, { isCut = false }: { isCut?: boolean } = {}): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket: Socket = connect(port, "127.0.0.1");
    const overdue = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer within ${hangMs} ms to ${String(bytes).slice(0, 300)}`));
    }, hangMs);
    const finish = () => {
      clearTimeout(overdue);
      socket.destroy();
      resolve(parseAnswer(Buffer.concat(chunks)));
    };
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (isWhole(Buffer.concat(chunks))) finish();
    });
    // a refusal may close the connection on bytes that were still on their way
    socket.on("error", finish);
    socket.on("close", finish);
    if (isCut) socket.end(bytes);
    else socket.write(bytes);
  });
}

function bytesOf({ method = "GET", path = "/", headers = [], body = "", isBare = false }: RawRequest): Buffer {
  const isSized = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const all = [
    ...(isBare
      ? []
      : ([
          ["Host", "127.0.0.1"],
          ["Connection", "close"],
        ] as const)),
    ...headers,
    ...(isSized || (body.length === 0 && method === "GET") ? [] : ([["Content-Length", String(Buffer.byteLength(body))]] as const)),
  ];
  const head = `${method} ${path} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  // latin1: a header's bytes as they are written
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body)]);
}

/** Whether a final answer with a length has come; chunked ones end with their connection. */
function isWhole(bytes: Buffer): boolean {
  const { status, headers, bodyBytes } = split(bytes);
  if (status === 101) return true;
  return status >= 200 && headers["content-length"] !== undefined && bodyBytes.length >= Number(headers["content-length"]);
}

function parseAnswer(bytes: Buffer): RawAnswer {
  const { status, headers, bodyBytes } = split(bytes);
  const text = bodyBytes.toString();
  try {
    return { status, headers, text, body: JSON.parse(text) };
  } catch {
    return { status, headers, text, body: null };
  }
}

function split(bytes: Buffer): { status: number; headers: Record<string, string>; bodyBytes: Buffer } {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return { status: 0, headers: {}, bodyBytes: Buffer.alloc(0) };
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0);
  // 100 Continue stands before the answer itself
  if (status >= 100 && status < 200 && status !== 101) return split(bytes.subarray(end + 4));
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return { status, headers, bodyBytes: bytes.subarray(end + 4) };
}
