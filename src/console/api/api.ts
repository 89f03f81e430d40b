// The pages' requests to webapi (which serves them) and salesapi (another port, same cookie).
// Errors are problems (RFC 9457).
import type { SessionAnswer } from "../../contracts/console.ts";

/** An endpoint's error instead of an answer; or no answer at all. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** The body, with what a program may read of it. */
  readonly facts: Readonly<Record<string, unknown>>;

  /** @param status 0: no answer */
  constructor(status: number, body: { title?: string; detail?: string; code?: string }) {
    super(body.title ?? "The answer could not be understood");
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? "";
    this.detail = body.detail ?? "";
    this.facts = { ...body };
  }
}

export interface Ask {
  method?: "GET" | "POST" | "DELETE";
  /** Sent as JSON; a form is sent as it is. */
  body?: unknown;
  /** The same body with the same key takes effect once. */
  idempotencyKey?: string;
  /** An API key to ask with; the cookie then stays at home. */
  apiKey?: string;
  signal?: AbortSignal;
}

let salesapiUrl = "";
let onSignedOut: () => void = () => {};

/**
 * Called after sign-in; `signedOut` is called when an endpoint reports that the session has ended.
 */
export function rememberSession(session: SessionAnswer, signedOut: () => void): void {
  salesapiUrl = session.salesapi_url;
  onSignedOut = signedOut;
}

export const askWebapi = <T>(path: string, ask?: Ask): Promise<T> => request<T>(path, ask);
export const askSalesapi = <T>(path: string, ask?: Ask): Promise<T> => request<T>(salesapiUrl + path, ask);
/** For links: a download is a navigation, and the cookie goes with it. */
export const salesapiLink = (path: string): string => salesapiUrl + path;

/** A file of any size: a browser keeps large ones on disk. */
export async function downloadSalesapi(path: string, signal: AbortSignal): Promise<Blob> {
  const response = await answered(salesapiUrl + path, { signal });
  return await response.blob();
}

async function request<T>(url: string, ask: Ask = {}): Promise<T> {
  const response = await answered(url, ask);
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

/** @throws Problem for any answer but 2xx, and for none. */
async function answered(url: string, { method = "GET", body, idempotencyKey, apiKey, signal }: Ask): Promise<Response> {
  const isForm = body instanceof FormData;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      credentials: apiKey === undefined ? "include" : "omit",
      headers: {
        ...(body === undefined || isForm ? {} : { "content-type": "application/json" }),
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, {
      title: "Nobody answered",
      detail: "The system may have stopped, or the network may be down. Trying again is safe: nothing happens twice.",
      code: "silent",
    });
  }
  if (response.ok) return response;
  const problem = new Problem(response.status, await response.json().catch(() => ({})));
  if (problem.code === "session_invalid") onSignedOut();
  throw problem;
}

/** The text to show a person for anything that was thrown. */
export function wordsOf(error: unknown): { title: string; detail: string } {
  if (error instanceof Problem) return { title: error.message, detail: error.detail };
  return { title: "Something went wrong in this page", detail: error instanceof Error ? error.message : String(error) };
}
