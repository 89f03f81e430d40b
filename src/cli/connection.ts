// The command line as a client of webapi and salesapi: where they are, with which key, and their
// answers. Used by send, status and the demo.
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { request } from "undici";
import { AppError } from "../contracts/errors.ts";
import type { CreateAnswer } from "../contracts/http.ts";
import type { QuoteAnswer } from "../contracts/quote.ts";
import { settings } from "../contracts/settings.ts";
import { readDataFolderSettings } from "../local/data_folder.ts";
import { type Environment, readConfig } from "../platform/config.ts";
import { type HttpClient, openHttpClient } from "../platform/http_client.ts";
import type { ContactsSource } from "./contacts_source.ts";
import { Failure, failureOfAnswer } from "./failure.ts";
import { exitCodes } from "./report_error.ts";

/** An ordinary request; reserving credit may take salesapi 1.5 s. */
const answerMaxMs = 10_000;
/** Between two pieces of a download. */
const pauseMaxMs = 60_000;
/** An upload is imported before it is answered: a gigabyte takes minutes. */
const uploadMaxMs = 30 * 60_000;

export interface Upload {
  source: ContactsSource;
  /** Fields of POST /create besides the file. */
  fields: Readonly<Record<string, string>>;
}

export interface Connection {
  webapiUrl: string;
  apiKey: string;
  /** A 2xx answer's body. @throws Failure, or AppError when nobody answers */
  callWebapi<T>(
    asked: string,
    method: "GET" | "POST",
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<T>;
  callSalesapi<T>(asked: string, method: "GET" | "POST", path: string, body?: unknown): Promise<T>;
  /** POST /create: the file goes as a stream, after the fields. */
  create(upload: Upload): Promise<CreateAnswer>;
  /** POST /quote: the same, and nothing is created. */
  quote(upload: Upload): Promise<QuoteAnswer>;
  /** A 2xx answer of salesapi that may be of any size. Its errors are thrown where it is read. */
  download(asked: string, path: string): Readable;
  close(): Promise<void>;
}

/** What is set in the environment, otherwise what the system left in the data folder. */
export function settingsAt(dataOption: string | undefined, environment: Environment): { folder: string; environment: Environment } {
  const folder = resolve(dataOption ?? (environment.BULKSMS_DATA || settings.BULKSMS_DATA.default));
  return { folder, environment: { ...readDataFolderSettings(folder), ...environment } };
}

/** @throws Failure when there is no key */
export function connect(dataOption: string | undefined, environment: Environment): Connection {
  const found = settingsAt(dataOption, environment);
  const config = readConfig(
    found.environment,
    { webapiUrl: "BULKSMS_WEBAPI_URL", salesapiUrl: "BULKSMS_SALESAPI_URL", apiKey: "BULKSMS_API_KEY" },
    { optional: ["apiKey"] },
  );
  if (config.apiKey !== undefined) return openConnection({ ...config, apiKey: config.apiKey });
  throw new Failure(
    exitCodes.wrongUse,
    "no API key is known",
    `no system has run in ${found.folder}, and BULKSMS_API_KEY is not set`,
    "start one with `npx bulksms up`, or name its folder with --data, or set BULKSMS_API_KEY",
  );
}

export function openConnection({ webapiUrl, salesapiUrl, apiKey }: { webapiUrl: string; salesapiUrl: string; apiKey: string }): Connection {
  const webapi = openHttpClient(webapiUrl, { timeoutMs: answerMaxMs, connections: 2 });
  const salesapi = openHttpClient(salesapiUrl, { timeoutMs: answerMaxMs, connections: 2 });
  const headers = { authorization: `Bearer ${apiKey}` };
  const call =
    (client: HttpClient) =>
    async <T>(
      asked: string,
      method: "GET" | "POST",
      path: string,
      body?: unknown,
      more: Readonly<Record<string, string>> = {},
    ): Promise<T> => {
      const answer = await client.request({ method, path, headers: { ...headers, ...more }, ...(body === undefined ? {} : { body }) });
      if (answer.status < 200 || answer.status > 299) throw failureOfAnswer(asked, answer.status, answer.body);
      return answer.body as T;
    };
  return {
    webapiUrl,
    apiKey,
    callWebapi: call(webapi),
    callSalesapi: call(salesapi),
    create: (file) => upload(new URL("/create", salesapiUrl), headers, file),
    quote: (file) => upload(new URL("/quote", salesapiUrl), headers, file),
    download: (asked, path) => Readable.from(download(new URL(path, salesapiUrl), headers, asked)),
    close: async () => {
      await Promise.all([webapi.close(), salesapi.close()]);
    },
  };
}

/** @throws Failure, or AppError when nobody answers */
async function* download(url: URL, headers: Record<string, string>, asked: string): AsyncGenerator<Buffer> {
  try {
    const answer = await request(url, { headers, headersTimeout: answerMaxMs, bodyTimeout: pauseMaxMs });
    if (answer.statusCode < 200 || answer.statusCode > 299) {
      throw failureOfAnswer(asked, answer.statusCode, await answer.body.json().catch(() => undefined));
    }
    yield* answer.body;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new AppError("service_unavailable", `salesapi (${url.origin}) does not answer.`, { cause: error });
  }
}

/**
 * Multipart by hand: the file is never in memory, and the fields come before it, so that it can be
 * read as it arrives.
 */
async function upload<T>(url: URL, headers: Record<string, string>, { source, fields }: Upload): Promise<T> {
  const boundary = `bulksms-${crypto.randomUUID()}`;
  const part = (disposition: string) => `--${boundary}\r\ncontent-disposition: form-data; ${disposition}`;
  const fileName = source.fileName.replace(/["\r\n]/g, "_");
  const head = [
    ...Object.entries(fields).map(([name, value]) => `${part(`name="${name}"`)}\r\n\r\n${value}\r\n`),
    `${part(`name="file"; filename="${fileName}"`)}\r\ncontent-type: application/octet-stream\r\n\r\n`,
  ].join("");
  const tail = `\r\n--${boundary}--\r\n`;
  async function* body() {
    yield Buffer.from(head);
    // a file that grows meanwhile is sent as it was when it was judged
    if (source.bytes > 0) yield* createReadStream(source.path, { end: source.bytes - 1 });
    yield Buffer.from(tail);
  }
  try {
    const answer = await request(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": `multipart/form-data; boundary=${boundary}`,
        "content-length": String(Buffer.byteLength(head) + source.bytes + Buffer.byteLength(tail)),
      },
      body: Readable.from(body()),
      headersTimeout: uploadMaxMs,
      bodyTimeout: uploadMaxMs,
    });
    const text = await answer.body.text();
    const parsed: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
    if (answer.statusCode < 200 || answer.statusCode > 299) {
      throw failureOfAnswer(`${source.shown} was not taken`, answer.statusCode, parsed);
    }
    return parsed as T;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new AppError("service_unavailable", `salesapi (${url.origin}) does not answer.`, { cause: error });
  }
}
