// The upload of POST /create and POST /quote: multipart fields in any order and one file, which
// goes to an unnamed temporary file until it is whole. So an upload that is cut, too large or
// malformed has touched no database, fields may follow the file (browsers and curl send them as the
// form has them), the hash is known before the first row, and no transaction ever waits for a slow
// client.
import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MultipartFile } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { type ImportFieldName, importFieldNames } from "../../campaign/import/import_fields.ts";
import { untilStopped } from "../../campaign/import/interruption.ts";
import type { UploadedFile } from "../../campaign/import/open_rows.ts";
import { createEncodingJudge, type EncodingVerdict } from "../../contacts/encoding/judge_encoding.ts";
import { randomAccessOfHandle } from "../../contacts/xlsx/random_access.ts";
import { AppError } from "../../contracts/errors.ts";

/** A text of 2,000 characters, each of up to 4 bytes, and some slack. */
const fieldBytesMax = 16 * 1024;
/** More than there are fields, so that a duplicated or unknown one is named instead of counted. */
const partsMax = 32;
/** Boundaries, part headers and fields: what a body may be longer than its file. */
export const formBytesMax = partsMax * (fieldBytesMax + 1024);
/**
 * After a refusal the rest of the body is discarded for this long, so that the client gets to read
 * why.
 */
const drainMs = 10_000;
/** And for this long when the process is to end, which waits for its connections. */
const drainWhenStoppingMs = 1_000;
const readBytes = 64 * 1024;

export interface Upload {
  fields: ReadonlyMap<ImportFieldName, string>;
  fileName: string;
  /** SHA-256 over fields and file. */
  sha256: Buffer;
  /** Of the file alone, in hexadecimal digits. */
  fileSha256: string;
  file: UploadedFile;
  /** Frees the temporary file; the file has no name, so a crash frees it too. */
  dispose(): Promise<void>;
}

export interface UploadLimits {
  fileBytesMax: number;
  /** The process is to end: nothing more is received. */
  signal: AbortSignal;
}

interface Spool {
  handle: FileHandle;
  fileName: string;
  sha256: Buffer;
  bytes: number;
  encoding: EncodingVerdict;
}

/**
 * Receives the whole form.
 * @throws AppError file_missing, file_more_than_one, field_unknown, body_too_large, upload_cut,
 * request_invalid, import_interrupted.
 */
export async function receiveUpload(request: FastifyRequest, limits: UploadLimits): Promise<Upload> {
  const { signal } = limits;
  const fields = new Map<ImportFieldName, string>();
  let spool: Spool | null = null;
  try {
    // one byte above the limit tells that there is more; the form's own limit would swallow the
    // rest silently
    const fileSize = limits.fileBytesMax + 1;
    const parts = request.parts({ limits: { fileSize, fieldSize: fieldBytesMax, parts: partsMax } });
    for await (const part of untilStopped(parts, signal)) {
      if (part.type === "field") {
        addField(fields, part);
        continue;
      }
      assertIsTheFile(part, spool);
      spool = await spoolFile(part, limits);
    }
    if (spool === null || (spool.bytes === 0 && spool.fileName === "")) {
      throw new AppError("file_missing", "The form has no file; send it in the field file (curl -F file=@students.csv).");
    }
    return createUpload(fields, spool);
  } catch (error) {
    await spool?.handle.close();
    drain(request, signal);
    throw asRefusal(error);
  }
}

function addField(
  fields: Map<ImportFieldName, string>,
  part: { fieldname: string | undefined; value: unknown; valueTruncated: boolean; fieldnameTruncated: boolean },
): void {
  const name = part.fieldname as ImportFieldName;
  // the parser's types do not say so: a part may have no name at all
  if (part.fieldname === undefined) throw new AppError("request_invalid", "A part of the form has no name.");
  if (part.fieldname === "file") {
    throw new AppError("file_missing", "The field file holds text, not a file; with curl: -F file=@students.csv, with the @.");
  }
  if (!importFieldNames.includes(name)) throw fieldUnknown(part.fieldname);
  if (fields.has(name)) throw new AppError("request_invalid", `${name}: given twice`);
  if (part.valueTruncated) throw new AppError("request_invalid", `${name}: longer than ${fieldBytesMax} bytes`);
  fields.set(name, typeof part.value === "string" ? part.value : JSON.stringify(part.value));
}

function fieldUnknown(name: string): AppError {
  const shown = name.slice(0, 100);
  return new AppError("field_unknown", `There is no field ${JSON.stringify(shown)}; there are file, ${importFieldNames.join(", ")}.`, {
    details: { field: shown },
  });
}

function assertIsTheFile(part: MultipartFile, spool: Spool | null): void {
  if (part.fieldname === undefined) throw new AppError("request_invalid", "A file of the form has no name.");
  if (importFieldNames.includes(part.fieldname as ImportFieldName)) {
    throw new AppError("request_invalid", `${part.fieldname}: sent as a file; with curl: -F '${part.fieldname}=<message.txt', with the <`);
  }
  if (part.fieldname !== "file") throw fieldUnknown(part.fieldname);
  if (spool !== null) throw new AppError("file_more_than_one", "The form has more than one file; one campaign has one.");
}

async function spoolFile(part: MultipartFile, { fileBytesMax: bytesMax, signal }: UploadLimits): Promise<Spool> {
  const path = join(tmpdir(), `bulksms-upload-${randomUUID()}`);
  const handle = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    const hash = createHash("sha256");
    // judged while it arrives: the file is read once more only when it is known how
    const judge = createEncodingJudge();
    let isText = true;
    let bytes = 0;
    for await (const chunk of untilStopped(part.file as AsyncIterable<Buffer>, signal)) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw bodyTooLarge(bytesMax);
      hash.update(chunk);
      if (bytes === chunk.length) isText = !isArchive(chunk);
      if (isText) judge.push(chunk);
      await handle.write(chunk);
    }
    return { handle, fileName: part.filename ?? "", sha256: hash.digest(), bytes, encoding: judge.end() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A workbook is a zip archive, which has no encoding. */
const isArchive = (beginning: Uint8Array) => beginning[0] === 0x50 && beginning[1] === 0x4b && (beginning[2] as number) < 0x09;

export function bodyTooLarge(bytesMax: number): AppError {
  return new AppError("body_too_large", `The file is larger than ${bytesMax} bytes.`, { details: { bytes_max: bytesMax } });
}

function createUpload(fields: ReadonlyMap<ImportFieldName, string>, spool: Spool): Upload {
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    fields,
    fileName: spool.fileName,
    sha256: createHash("sha256").update(JSON.stringify(sorted)).update(spool.sha256).digest(),
    fileSha256: spool.sha256.toString("hex"),
    file: {
      read: () => readAll(spool.handle),
      at: randomAccessOfHandle(spool.handle, spool.bytes),
      thread: { fd: spool.handle.fd, size: spool.bytes },
      encoding: spool.encoding,
    },
    dispose: () => spool.handle.close(),
  };
}

/**
 * Into one piece of memory, again and again: fresh ones for every read begin a garbage collection
 * every few hundred.
 */
async function* readAll(handle: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, readBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Discards input for a while: a connection that is closed with unread bytes loses the answer. */
function drain(request: FastifyRequest, stopping: AbortSignal): void {
  const { raw } = request;
  if (raw.readableEnded || raw.destroyed) return;
  const end = () => raw.destroy();
  const endSoon = () => setTimeout(end, drainWhenStoppingMs).unref();
  const timer = setTimeout(end, drainMs).unref();
  if (stopping.aborted) endSoon();
  else stopping.addEventListener("abort", endSoon, { once: true });
  raw.once("close", () => {
    clearTimeout(timer);
    stopping.removeEventListener("abort", endSoon);
  });
  raw.resume();
}

/**
 * Errors of the multipart parser, which names some by code and some by their words, and of the
 * disk.
 */
function asRefusal(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const code = "code" in error ? String(error.code) : "";
  if (code === "FST_MP_PREMATURE_CLOSE" || code === "ECONNRESET" || /unexpected end|terminated early|aborted/i.test(error.message)) {
    return new AppError("upload_cut", "The upload ended before its form did; nothing was kept.", { cause: error });
  }
  if (code === "FST_PROTO_VIOLATION") return new AppError("field_unknown", "A field has a name that no field can have.", { cause: error });
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EMFILE") {
    return new AppError("overloaded", "There is no room for the upload now.", { cause: error, retryAfterS: 30 });
  }
  if (code.startsWith("FST_") || /multipart|boundary|header|content-type/i.test(error.message)) {
    return new AppError("request_invalid", `The form cannot be read: ${error.message}`, { cause: error });
  }
  return error;
}
