// HTTP client for one other process: a keep-alive pool, a limit on every wait, JSON both ways.
// Response bodies are always drained.
import { Pool } from "undici";
import { AppError } from "../contracts/errors.ts";

export interface HttpResponse {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON; undefined if the body is empty or not JSON. */
  body: unknown;
}

export interface HttpClient {
  /**
   * Sends one request; any status is an answer.
   * @throws AppError deadline_exceeded (no answer in time) or service_unavailable (no connection):
   * neither tells whether the request took effect
   */
  request(request: {
    method: "GET" | "POST" | "PUT" | "DELETE";
    path: string;
    headers?: Record<string, string>;
    /** A Buffer or string is sent as it is, anything else as JSON. */
    body?: unknown;
    timeoutMs?: number;
  }): Promise<HttpResponse>;
  close(): Promise<void>;
}

/** None of our processes sends a larger answer; more is an error, and must not fill memory. */
const responseBytesMax = 16 * 1024 * 1024;

export function openHttpClient(baseUrl: string, options: { timeoutMs: number; connections?: number }): HttpClient {
  const base = new URL(baseUrl);
  const pathPrefix = base.pathname.replace(/\/$/, "");
  const pool = new Pool(base.origin, {
    connections: options.connections ?? 16,
    connect: { timeout: Math.min(options.timeoutMs, 2_000) },
    maxResponseSize: responseBytesMax,
  });
  return {
    async request({ method, path, headers = {}, body, timeoutMs = options.timeoutMs }) {
      const isRaw = typeof body === "string" || body instanceof Uint8Array;
      try {
        const response = await pool.request({
          method,
          path: pathPrefix + path,
          headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
          ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
          headersTimeout: timeoutMs,
          bodyTimeout: timeoutMs,
          signal: AbortSignal.timeout(timeoutMs),
        });
        return { status: response.statusCode, headers: response.headers, body: parseJson(await response.body.text()) };
      } catch (error) {
        throw asAppError(error, base.origin);
      }
    },
    close: () => pool.destroy(),
  };
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asAppError(error: unknown, origin: string): AppError {
  const name = error instanceof Error ? error.name : "";
  const isLate = name === "TimeoutError" || name === "AbortError" || name === "HeadersTimeoutError" || name === "BodyTimeoutError";
  return isLate
    ? new AppError("deadline_exceeded", `${origin} did not answer in time.`, { cause: error })
    : new AppError("service_unavailable", `${origin} does not answer.`, { cause: error, retryAfterS: 2 });
}
