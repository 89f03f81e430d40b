// POST /create: a file and a text become a campaign that is ready to run. POST /quote: what they
// would become. Receives the upload, then campaign/import does the work.
import multipart from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { requireScope, requireWorkspace } from "../../accounts/authenticator.ts";
import { chooseCarrier, refuseExampleFile } from "../../campaign/import/chosen_carrier.ts";
import { readKeyHeader } from "../../campaign/import/idempotency.ts";
import { importCampaign } from "../../campaign/import/import_campaign.ts";
import { type ImportFields, readImportFields } from "../../campaign/import/import_fields.ts";
import { openRows } from "../../campaign/import/open_rows.ts";
import { quoteFile } from "../../campaign/import/quote.ts";
import type { PriceBook } from "../../campaign/pricing/price_book.ts";
import { isExampleFile } from "../../contacts/example_files.ts";
import { AppError } from "../../contracts/errors.ts";
import { type CreateAnswer, createAnswer } from "../../contracts/http.ts";
import { idempotencyKeyHeader, idempotentReplayedHeader } from "../../contracts/idempotency.ts";
import { type QuoteAnswer, quoteAnswer } from "../../contracts/quote.ts";
import { fileEncodings } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { Sql } from "../../platform/postgres.ts";
import { createSlots, type Slots } from "../../platform/time/slots.ts";
import { bodyTooLarge, formBytesMax, receiveUpload } from "./create_upload.ts";
import type { SalesCallers } from "./sales_callers.ts";

/** Uploads of one process at once: each needs room on disk for its file. */
const uploadsAtOnceMax = 16;
/**
 * Imports of one process at once: each needs 16 bytes of memory per row, and more would only share
 * one thread. Each holds two connections; of the pool's eight, by default, receipts and reads keep
 * two. Others wait with their file.
 */
const importsAtOnceMax = 3;

/** From contracts/settings.ts, each under the name that salesapi's config gives it. */
export interface CreateSettings {
  defaultCountry: string;
  defaultCarrier: string;
  uploadBytesMax: number;
  uploadRowsMax: number;
  textPartsMax: number;
  chunkRows: number;
  importLeaseMs: number;
  deadlineS: number;
}

export interface CreateRouteDependencies {
  sql: Sql;
  callers: Pick<SalesCallers, "identify">;
  prices: PriceBook;
  settings: CreateSettings;
  /** The process is to end. */
  signal: AbortSignal;
  log: Log;
}

/** Only for /docs: the form is read as a stream, so nothing is validated against it. */
const form = z.object({
  file: z.file().describe("CSV, or a workbook (.xlsx); its first line names the columns"),
  text: z.string().describe("the words to send; {column} is filled from the file, {{ and }} are literal braces"),
  name: z.string().optional().describe("of the campaign; the file's name when it is missing"),
  sender: z.string().optional().describe("up to 15 digits, or up to 11 letters, digits and a few signs"),
  country: z.string().optional().describe("ISO 3166 letters of the country whose numbers are written without +"),
  deadline_s: z.string().optional().describe("seconds after its submit when a message without a final receipt ends as expired"),
  phone_column: z.string().optional().describe("name of the column of phone numbers, when its name and its cells do not show it"),
  phone_column_number: z
    .string()
    .optional()
    .describe("the same by its position in the file; the first is 1; hidden columns of a workbook are not counted"),
  empty_values: z.enum(["reject", "send"]).optional().describe("rows with an empty value where the text has no default"),
  encoding: z
    .string()
    .optional()
    .describe(`of a CSV file, when its bytes do not show it: ${fileEncodings.join(", ")}`),
  sheet: z.string().optional().describe("of a workbook: the name of the sheet, when several have phone numbers"),
  carrier: z.string().optional().describe("name of the carrier to send through; the installation's default when it is missing"),
  hidden_rows: z.enum(["skip", "include"]).optional().describe("of a workbook: rows and columns that are hidden or filtered out"),
});

const description = `Makes a campaign ready to run from a file (CSV or .xlsx) and a text: nothing is sent and no credit moves.
Every row gets a verdict: its number is read (national numbers as the country's), duplicate numbers are rejected, the text is filled and its SMS parts are counted.
Fields and file may come in any order. A refused file has no effect. With an \`Idempotency-Key\`, the same fields and file get the stored answer
(\`${idempotentReplayedHeader}: true\`), others 422 \`idempotency_key_reused\`, and 409 \`idempotency_key_in_flight\` while the first is being worked on.`;

const quoteDescription = `Takes the fields and the file of POST /create and judges them in the same way, but makes nothing: no campaign, no credit, no trace.
It says which column has the numbers and why, how many people would be texted and who would not and why, what cells are empty,
which characters of the text and of the cells make it more expensive, and the cost by country. What POST /create would refuse is refused here with the same code.`;

interface Caller {
  workspaceId: string;
  key: string | null;
}

/**
 * Registers POST /create and POST /quote, which share their limits; their form parser stays their
 * own.
 */
export async function createRoute(app: HttpServer, deps: CreateRouteDependencies): Promise<void> {
  const callers = new WeakMap<FastifyRequest, Caller>();
  const keysInFlight = new Set<string>();
  const importSlots = createSlots(importsAtOnceMax);
  const uploadSlots = createSlots(uploadsAtOnceMax);
  const withUpload = async <T>(work: () => Promise<T>): Promise<T> => {
    if (uploadSlots.isFull()) throw new AppError("overloaded", "Too many uploads at once.", { retryAfterS: 2 });
    return await uploadSlots.run(work);
  };
  const ofForm = {
    validatorCompiler: () => (value: unknown) => ({ value }),
    onRequest: async (request: FastifyRequest) => {
      callers.set(request, await readCaller(request, deps));
    },
  };
  const consumes = ["multipart/form-data"];
  await app.register(async (scope) => {
    // receiveUpload counts the bytes itself and refuses at once
    await scope.register(multipart, { throwFileSizeLimit: false });
    const routes = scope.withTypeProvider<ZodTypeProvider>();
    routes.route({
      ...ofForm,
      method: "POST",
      url: "/create",
      schema: {
        tags: ["campaigns"],
        summary: "Create a campaign from a file",
        description,
        consumes,
        headers: z.object({ "idempotency-key": z.string().optional() }),
        body: form,
        response: { 201: createAnswer },
      },
      handler: async (request, reply) => {
        const caller = callers.get(request) as Caller;
        const { answer, isRepeat } = await withKey(keysInFlight, caller, () =>
          withUpload(() => create(request, caller, importSlots, deps)),
        );
        if (isRepeat) reply.header(idempotentReplayedHeader, "true");
        return await reply.status(201).send(answer);
      },
    });
    routes.route({
      ...ofForm,
      method: "POST",
      url: "/quote",
      schema: {
        tags: ["campaigns"],
        summary: "See what a file and a text would become",
        description: quoteDescription,
        consumes,
        body: form,
        response: { 200: quoteAnswer },
      },
      handler: async (request) => withUpload(() => quote(request, importSlots, deps)),
    });
  });
}

/** One request with the same key at a time. @throws AppError idempotency_key_in_flight. */
async function withKey<T>(keysInFlight: Set<string>, { workspaceId, key }: Caller, work: () => Promise<T>): Promise<T> {
  if (key === null) return work();
  const name = `${workspaceId} ${key}`;
  if (keysInFlight.has(name)) {
    throw new AppError("idempotency_key_in_flight", "A request with this Idempotency-Key is being worked on.", { retryAfterS: 1 });
  }
  keysInFlight.add(name);
  try {
    return await work();
  } finally {
    keysInFlight.delete(name);
  }
}

/**
 * Before the body is read. @throws AppError key_*, scope_missing, content_type_unsupported,
 * request_invalid, body_too_large, idempotency_key_invalid.
 */
async function readCaller(request: FastifyRequest, { callers, settings }: CreateRouteDependencies): Promise<Caller> {
  const caller = await callers.identify(request);
  requireScope(caller, "send");
  const workspaceId = requireWorkspace(caller);
  assertForm(request.headers["content-type"] ?? "");
  if (Number(request.headers["content-length"] ?? 0) > settings.uploadBytesMax + formBytesMax) throw bodyTooLarge(settings.uploadBytesMax);
  return { workspaceId, key: readKeyHeader(request.headers[idempotencyKeyHeader]) };
}

/** A boundary has at most so many characters (RFC 2046, 5.1.1). */
const boundaryCharactersMax = 70;

function assertForm(contentType: string): void {
  if (!/^multipart\/form-data\b/i.test(contentType)) {
    throw new AppError("content_type_unsupported", "Send a form (multipart/form-data) with the fields file and text.");
  }
  const [, quoted, bare] = /\bboundary=(?:"([^"]*)"|([^\s;"]*))/i.exec(contentType) ?? [];
  const boundary = quoted ?? bare ?? "";
  if (boundary === "" || boundary.length > boundaryCharactersMax) {
    throw new AppError(
      "request_invalid",
      `The form cannot be read: its Content-Type names no boundary of 1 to ${boundaryCharactersMax} characters.`,
    );
  }
}

async function create(
  request: FastifyRequest,
  caller: Caller,
  importSlots: Slots,
  deps: CreateRouteDependencies,
): Promise<{ answer: CreateAnswer; isRepeat: boolean }> {
  const { sql, prices, settings, signal, log } = deps;
  const startedMs = performance.now();
  const upload = await receiveUpload(request, { fileBytesMax: settings.uploadBytesMax, signal });
  try {
    reachFailpoint("upload_received");
    const { workspaceId, key } = caller;
    const claim = key === null ? null : { workspaceId, key, requestSha256: upload.sha256 };
    const fields = readImportFields(upload.fields, upload.fileName, settings);
    const carried = await withCarrier(deps, fields, upload.fileSha256);
    const created = await importSlots.run(async () =>
      importCampaign(sql, { ...carried, workspaceId, claim, pricing: await prices.current() }, limitsOf(deps), () =>
        openRows(upload.file, { ...fields, signal }),
      ),
    );
    const { id, contacts, rejected, parts } = created.answer;
    const durationMs = Math.round(performance.now() - startedMs);
    log.info({ event: "campaign.created", bulksmsId: id, workspaceId, contacts, rejected, parts, isRepeat: created.isRepeat, durationMs });
    return created;
  } finally {
    await upload.dispose();
  }
}

/** The same without a campaign. */
async function quote(request: FastifyRequest, importSlots: Slots, deps: CreateRouteDependencies): Promise<QuoteAnswer> {
  const { prices, settings, signal } = deps;
  const upload = await receiveUpload(request, { fileBytesMax: settings.uploadBytesMax, signal });
  try {
    const fields = readImportFields(upload.fields, upload.fileName, settings);
    const carried = await withCarrier(deps, fields, upload.fileSha256);
    return await importSlots.run(async () =>
      quoteFile({ ...carried, pricing: await prices.current() }, limitsOf(deps), () => openRows(upload.file, { ...fields, signal })),
    );
  } finally {
    await upload.dispose();
  }
}

/** @throws AppError carrier_not_found, sender_not_allowed, example_file_refused */
async function withCarrier({ sql, settings }: CreateRouteDependencies, fields: ImportFields, fileSha256: string) {
  const carrier = await chooseCarrier(sql, fields, settings);
  const isExample = isExampleFile(fileSha256);
  refuseExampleFile(carrier, isExample);
  return { ...fields, isExample, carrier, destinations: carrier.destinations };
}

const limitsOf = ({ settings, signal }: CreateRouteDependencies) => ({
  signal,
  partsMax: settings.textPartsMax,
  rowsMax: settings.uploadRowsMax,
  chunkRows: settings.chunkRows,
  leaseMs: settings.importLeaseMs,
});
