// Requests of the pages to webapi (the page's own door) and salesapi (another port, by the same
// cookie). Refusals are problems as RFC 9457 has them.
import type { SessionAnswer } from "../../contracts/console.ts";

/** What a door answered instead of what was asked for; or that nobody answered. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;

  /** @param status 0: nobody answered */
  constructor(status: number, body: { title?: string; detail?: string; code?: string }) {
    super(body.title ?? "The answer was no answer");
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? "";
    this.detail = body.detail ?? "";
  }
}

export interface Ask {
  method?: "GET" | "POST" | "DELETE";
  /** Sent as JSON, a form as it is. */
  body?: unknown;
  /** The same words again under the same key have one effect. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

let salesapiUrl = "";
let onSignedOut: () => void = () => {};

/** Called once somebody is signed in; `signedOut` when a door says that nobody is any more. */
export function rememberSession(session: SessionAnswer, signedOut: () => void): void {
  salesapiUrl = session.salesapi_url;
  onSignedOut = signedOut;
}

export const askWebapi = <T>(path: string, ask?: Ask): Promise<T> => request<T>(path, ask);
export const askSalesapi = <T>(path: string, ask?: Ask): Promise<T> => request<T>(salesapiUrl + path, ask);
/** For links: a download is a navigation, and the cookie goes with it. */
export const salesapiLink = (path: string): string => salesapiUrl + path;

async function request<T>(url: string, { method = "GET", body, idempotencyKey, signal }: Ask = {}): Promise<T> {
  const isForm = body instanceof FormData;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      credentials: "include",
      headers: {
        ...(body === undefined || isForm ? {} : { "content-type": "application/json" }),
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, {
      title: "Nobody answered",
      detail: "The system may be stopped, or the network cut. Trying again changes nothing twice.",
      code: "silent",
    });
  }
  if (response.status === 204) return undefined as T;
  if (response.ok) return (await response.json()) as T;
  const problem = new Problem(response.status, await response.json().catch(() => ({})));
  if (problem.code === "session_invalid") onSignedOut();
  throw problem;
}

/** What to say to a person about whatever was thrown. */
export function wordsOf(error: unknown): { title: string; detail: string } {
  if (error instanceof Problem) return { title: error.message, detail: error.detail };
  return { title: "Something went wrong in this page", detail: error instanceof Error ? error.message : String(error) };
}
