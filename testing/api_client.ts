// webapi and salesapi as a program of a customer sees them: each request once, with the answer that
// contracts/ says. Lab and tests ask through it; bad inputs go by `askHttp` or raw_http.ts.
import type { BulksmsAnswer, CommandAnswer, CreateAnswer } from "../src/contracts/http.ts";
import { idempotencyKeyHeader } from "../src/contracts/idempotency.ts";
import type { CreatedKeyAnswer } from "../src/contracts/keys.ts";
import { everyDestination, type PriceListAnswer } from "../src/contracts/prices.ts";
import type { TopicUpdates } from "../src/contracts/topics.ts";
import type { TopUpAnswer, WorkspaceAnswer } from "../src/contracts/workspaces.ts";

export interface Answer<T> {
  status: number;
  headers: Headers;
  /** T when the status is 2xx, else a problem (contracts/errors.ts). */
  body: T & Problem;
}

interface Problem {
  code?: string;
  /** Of state_conflict: where the campaign stands. */
  current?: string;
}

export interface HttpOptions {
  /** None or null: no authorization. */
  key?: string | null;
  /** Text and forms go as they are, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Without: as long as it takes. */
  timeoutMs?: number;
}

export interface ApiOptions {
  webapiUrl: string | undefined;
  salesapiUrl: string | undefined;
  key: string;
  /** Of each request. Without: as long as it takes. */
  timeoutMs?: number;
}

export interface CreateFields {
  text: string;
  name?: string;
  deadline_s?: number;
  carrier?: string;
}

export type CommandName = "run" | "pause" | "resume" | "cancel";

/** Resolves with whatever was answered; rejects as fetch does when nothing was, or no JSON. */
export interface Api {
  /** Uploads a CSV file. */
  create(csv: string, fields: CreateFields, idempotencyKey?: string): Promise<Answer<CreateAnswer>>;
  /** @param more further fields of the body */
  command(name: CommandName, bulksmsId: string, more?: Record<string, unknown>): Promise<Answer<CommandAnswer>>;
  campaign(bulksmsId: string): Promise<Answer<BulksmsAnswer>>;
  credit(workspaceId: string): Promise<Answer<TopicUpdates["workspace_credit"]>>;
  /** @param amount credits, a decimal string */
  topUp(workspaceId: string, amount: string, idempotencyKey?: string): Promise<Answer<TopUpAnswer>>;
  /** A new price list, of one price for every destination: credits a part, a decimal string. */
  setPrice(part: string): Promise<Answer<PriceListAnswer>>;
  createWorkspace(name: string): Promise<Answer<WorkspaceAnswer>>;
  createKey(fields: { name: string; scopes: string[]; workspace_id: string }): Promise<Answer<CreatedKeyAnswer>>;
}

export function openApi({ webapiUrl, salesapiUrl, key, timeoutMs }: ApiOptions): Api {
  const common = { key, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  const repeatable = (idempotencyKey?: string) =>
    idempotencyKey === undefined ? {} : { headers: { [idempotencyKeyHeader]: idempotencyKey } };
  const get = <T>(url: string) => askHttp<T>("GET", url, common);
  const post = <T>(url: string, body: unknown, idempotencyKey?: string) =>
    askHttp<T>("POST", url, { ...common, body, ...repeatable(idempotencyKey) });
  return {
    create(csv, fields, idempotencyKey) {
      return post(`${salesapiUrl}/create`, uploadForm(csv, fields, "contacts.csv"), idempotencyKey);
    },
    command: (name, bulksmsId, more = {}) => post(`${salesapiUrl}/${name}`, { bulksms_id: bulksmsId, ...more }),
    campaign: (bulksmsId) => get(`${salesapiUrl}/bulksms/${bulksmsId}`),
    credit: (workspaceId) => get(`${webapiUrl}/workspaces/${workspaceId}/credit`),
    topUp: (workspaceId, amount, idempotencyKey) => post(`${webapiUrl}/workspaces/${workspaceId}/credit`, { amount }, idempotencyKey),
    setPrice: (part) => post(`${webapiUrl}/prices`, { prices: [{ destination: everyDestination, part }] }),
    createWorkspace: (name) => post(`${webapiUrl}/workspaces`, { name }),
    createKey: (fields) => post(`${webapiUrl}/keys`, fields),
  };
}

/**
 * The form of POST /create and /quote, the file last.
 * @param fields texts and numbers by name; those that are undefined are left out
 */
export function uploadForm(file: string | Uint8Array | Blob, fields: object, fileName: string): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.set(name, String(value));
  form.set("file", file instanceof Blob ? file : new Blob([Buffer.from(file)]), fileName);
  return form;
}

/** The body of a 2xx answer. @throws Error with status and body of any other */
export function bodyOf<T>({ status, body }: Answer<T>): T {
  if (status >= 200 && status < 300) return body;
  throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
}

/** One request. The body is JSON when the answer says that it is, else text. */
export async function askHttp<T>(
  method: string,
  url: string,
  { key = null, body, headers = {}, timeoutMs }: HttpOptions = {},
): Promise<Answer<T>> {
  const isForm = body instanceof FormData;
  const response = await fetch(url, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined || isForm ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isForm || typeof body === "string" ? body : JSON.stringify(body) }),
    ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T & Problem };
}
