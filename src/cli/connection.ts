// The command line as a client of webapi and salesapi: where they are, with which key, and their
// answers. Used by send, status and the demo.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { Readable } from "node:stream";
import { request } from "undici";
import { AppError } from "../contracts/errors.ts";
import type { CreateAnswer } from "../contracts/http.ts";
import { settings } from "../contracts/settings.ts";
import { readDataFolderSettings } from "../local/data_folder.ts";
import { type Environment, readConfig } from "../platform/config.ts";
import { type HttpClient, openHttpClient } from "../platform/http_client.ts";
import { Failure, failureOfAnswer } from "./failure.ts";
import { exitCodes } from "./report_error.ts";

/** An ordinary request; reserving credit may take salesapi 1.5 s. */
const answerMaxMs = 10_000;
/** An upload is imported before it is answered: a gigabyte takes minutes. */
const uploadMaxMs = 30 * 60_000;

export interface Connection {
  webapiUrl: string;
  apiKey: string;
  /** A 2xx answer's body. @throws Failure, or AppError when nobody answers */
  callWebapi<T>(asked: string, method: "GET" | "POST", path: string, body?: unknown): Promise<T>;
  callSalesapi<T>(asked: string, method: "GET" | "POST", path: string, body?: unknown): Promise<T>;
  /** POST /create: the file goes as a stream, after the fields. */
  create(file: string, fields: Readonly<Record<string, string>>): Promise<CreateAnswer>;
  close(): Promise<void>;
}

/** What is set in the environment, else what the system in the data folder left there. */
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
    async <T>(asked: string, method: "GET" | "POST", path: string, body?: unknown): Promise<T> => {
      const answer = await client.request({ method, path, headers, ...(body === undefined ? {} : { body }) });
      if (answer.status < 200 || answer.status > 299) throw failureOfAnswer(asked, answer.status, answer.body);
      return answer.body as T;
    };
  return {
    webapiUrl,
    apiKey,
    callWebapi: call(webapi),
    callSalesapi: call(salesapi),
    create: (file, fields) => upload(new URL("/create", salesapiUrl), headers, file, fields),
    close: async () => {
      await Promise.all([webapi.close(), salesapi.close()]);
    },
  };
}

/**
 * Multipart by hand: the file is never in memory, and the fields come before it, so that it can be
 * read as it arrives.
 */
async function upload(
  url: URL,
  headers: Record<string, string>,
  file: string,
  fields: Readonly<Record<string, string>>,
): Promise<CreateAnswer> {
  const bytes = await sizeOf(file);
  const boundary = `bulksms-${crypto.randomUUID()}`;
  const part = (disposition: string) => `--${boundary}\r\ncontent-disposition: form-data; ${disposition}`;
  const fileName = basename(file).replace(/["\r\n]/g, "_");
  const head = [
    ...Object.entries(fields).map(([name, value]) => `${part(`name="${name}"`)}\r\n\r\n${value}\r\n`),
    `${part(`name="file"; filename="${fileName}"`)}\r\ncontent-type: text/csv\r\n\r\n`,
  ].join("");
  const tail = `\r\n--${boundary}--\r\n`;
  async function* body() {
    yield Buffer.from(head);
    yield* createReadStream(file);
    yield Buffer.from(tail);
  }
  const asked = `${fileName} was not taken`;
  try {
    const answer = await request(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": `multipart/form-data; boundary=${boundary}`,
        "content-length": String(Buffer.byteLength(head) + bytes + Buffer.byteLength(tail)),
      },
      body: Readable.from(body()),
      headersTimeout: uploadMaxMs,
      bodyTimeout: uploadMaxMs,
    });
    const text = await answer.body.text();
    const parsed: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
    if (answer.statusCode !== 201) throw failureOfAnswer(asked, answer.statusCode, parsed);
    return parsed as CreateAnswer;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new AppError("service_unavailable", `salesapi (${url.origin}) does not answer.`, { cause: error });
  }
}

/** @throws Failure when the file cannot be read */
async function sizeOf(file: string): Promise<number> {
  try {
    const handle = await open(file, "r");
    try {
      const found = await handle.stat();
      if (found.isFile()) return found.size;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new Failure(
      exitCodes.wrongUse,
      `${file} cannot be read`,
      { ENOENT: "there is no such file", EACCES: "you may not read it" }[(error as { code?: string }).code ?? ""] ??
        (error as Error).message,
      "name a CSV file with a column of phone numbers",
    );
  }
  throw new Failure(exitCodes.wrongUse, `${file} cannot be read`, "it is not a file", "name a CSV file with a column of phone numbers");
}
