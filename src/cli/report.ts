// `bulksms report ID`: a campaign's report, or its rejected rows, as CSV; with the file in hand its
// own columns beside them. The file is only read here, and nothing of it is sent.
import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, mkdtemp, open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { type Encoding, encodingNamed, encodings } from "../contacts/encoding/encodings.ts";
import { FileDiffers, joinWithFile } from "../contacts/exports/join.ts";
import { type ContactsFile, openFile } from "../contacts/open_file.ts";
import { randomAccessOfHandle } from "../contacts/xlsx/random_access.ts";
import { AppError } from "../contracts/errors.ts";
import type { BulksmsAnswer } from "../contracts/http.ts";
import { settings } from "../contracts/settings.ts";
import { type Connection, connect } from "./connection.ts";
import { type ContactsSource, openContacts } from "./contacts_source.ts";
import { endWell, Failure, wrongUse } from "./failure.ts";
import { exitCodes } from "./report_error.ts";
import { openChoiceOf } from "./send_choices.ts";
import { shownLines, shownName } from "./shown_text.ts";

export interface ReportOptions {
  rejects?: boolean;
  join?: string;
  output?: string;
  encoding?: string;
  sheet?: string;
  data?: string;
}

/** The ends of the command: those of the process, or a test's. */
export interface ReportStreams {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream & { isTTY?: boolean };
  environment: NodeJS.ProcessEnv;
}

export function registerReport(program: Command): void {
  program
    .command("report")
    .argument("<id>", "the campaign")
    .description("what became of every message, or of the rows that were rejected, as CSV for a spreadsheet")
    .option("--rejects", "the rejected rows, with their own cells, why, and what to do; fix them and send the file again as it is")
    .option("--join <file>", "add the columns of the file that was sent, CSV or .xlsx; - for standard input. It is only read here")
    .option("--output <file>", "write to this file (default: standard output)")
    .option(
      "--encoding <name>",
      "of a CSV file to join: utf-8, utf-16le, utf-16be, windows-1252, iso-8859-15 (default: told from its bytes)",
    )
    .option("--sheet <name>", "of a workbook to join: the sheet that was sent (default: the only one with phone numbers)")
    .option("--data <dir>", `data folder of the system to use (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
    .addHelpText("after", reportHelp)
    .action((id: string, options: ReportOptions) =>
      endWell(() => report(id, options, { input: process.stdin, output: process.stdout, environment: process.env })),
    );
}

/** @returns the exit code @throws Failure, or AppError when nobody answers */
export async function report(id: string, options: ReportOptions, streams: ReportStreams): Promise<number> {
  const encoding = encodingOf(options);
  const connection = connect(options.data, streams.environment);
  try {
    const asked: Asked = { connection, id, which: options.rejects === true ? "rejects" : "report" };
    if (options.join === undefined) await writeOut(options.output, streams.output, exportOf(asked));
    else await writeJoined(asked, options.join, { ...options, encoding }, streams);
    return exitCodes.ok;
  } finally {
    await connection.close();
  }
}

interface Asked {
  connection: Connection;
  id: string;
  which: "report" | "rejects";
}

const pathOf = (id: string) => `/bulksms/${encodeURIComponent(id)}`;

/** What a refusal of either says first. */
const missing = { report: "there is no report", rejects: "there are no rejects" } as const;

const exportOf = ({ connection, id, which }: Asked) => connection.download(missing[which], `${pathOf(id)}/${which}.csv`);

function encodingOf({ encoding, sheet, join: file }: ReportOptions): Encoding | null {
  if (file === undefined && (encoding !== undefined || sheet !== undefined)) {
    const option = encoding === undefined ? "--sheet" : "--encoding";
    throw wrongUse(
      `${option} names how a file is read, and there is none`,
      "only --join reads a file",
      `leave ${option} out, or add --join FILE`,
    );
  }
  if (encoding === undefined) return null;
  const found = encodingNamed(encoding);
  if (found !== null) return found;
  throw wrongUse(
    `--encoding ${shownName(encoding)} is not possible`,
    `it is one of ${encodings.join(", ")}`,
    "leave it out to have it told from the file",
  );
}

/**
 * Nothing is written before the file has proved to be the campaign's: what is joined waits in a
 * folder that only its owner may enter.
 */
async function writeJoined(
  asked: Asked,
  file: string,
  options: { output?: string; sheet?: string; encoding: Encoding | null },
  streams: ReportStreams,
): Promise<void> {
  const { connection, id, which } = asked;
  const { country } = await connection.callSalesapi<BulksmsAnswer>(missing[which], "GET", pathOf(id));
  const source = await openContacts(file, streams.input);
  const folder = await mkdtemp(join(tmpdir(), "bulksms-report-"));
  const [exported, joined] = [join(folder, "exported.csv"), join(folder, "joined.csv")];
  const handle = await open(source.path, "r");
  try {
    await pipeline(exportOf(asked), createWriteStream(exported, { mode: 0o600 }));
    const read = bytesOf(handle, source);
    const open = (withHiddenRows: boolean) =>
      openFile(read, { encoding: options.encoding, sheet: options.sheet ?? null, withHiddenRows, country });
    const writer = createPieceWriter(joined);
    try {
      await joinWithFile(which, { open, exported: () => createReadStream(exported), country }, writer);
    } finally {
      await writer.close();
    }
    await writeOut(options.output, streams.output, createReadStream(joined));
  } catch (error) {
    throw asJoinFailure(error, source.shown);
  } finally {
    await handle.close();
    await source.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function bytesOf(handle: FileHandle, { bytes }: ContactsSource): ContactsFile {
  const at = randomAccessOfHandle(handle, bytes);
  return {
    at,
    async *read() {
      for (let offset = 0; offset < bytes; offset += readBytes) yield await at.read(offset, readBytes);
    },
  };
}

const readBytes = 256 * 1024;

/** A file that is begun anew by each `start`. */
function createPieceWriter(path: string) {
  let file: FileHandle | null = null;
  const close = async () => {
    await file?.close();
    file = null;
  };
  return {
    async start() {
      await close();
      file = await open(path, "w", 0o600);
    },
    async add(piece: string) {
      await file?.write(piece);
    },
    close,
  };
}

function asJoinFailure(error: unknown, shown: string): unknown {
  if (error instanceof FileDiffers) {
    return new Failure(
      exitCodes.failed,
      `${shown} does not fit the campaign`,
      error.message,
      "name the file that was sent, as it was then",
    );
  }
  if (!(error instanceof AppError) || error.code === "service_unavailable") return error;
  const choice = openChoiceOf({ problem: { code: error.code, ...error.details } });
  if (choice === null)
    return new Failure(exitCodes.failed, `${shown} cannot be read`, error.message, "name the file that was sent, as it was then");
  const named = choice.choices.map(({ label, option }) => `${option} for ${label}`).join(", or ");
  return wrongUse(choice.question, "nobody guesses between them", `choose with ${named}`);
}

/** To a file only when it is whole; to standard output as it comes, until nobody reads it. */
async function writeOut(path: string | undefined, output: ReportStreams["output"], content: Readable): Promise<void> {
  if (path !== undefined) return await writeFileWhole(path, content);
  // a reader that has gone says so once more when the process ends
  output.on("error", () => {});
  const stages = output.isTTY === true ? [content, visible()] : [content];
  try {
    await pipeline([...stages, output], { end: false });
  } catch (error) {
    if ((error as { code?: string }).code !== "EPIPE") throw error;
  }
}

async function writeFileWhole(path: string, content: Readable): Promise<void> {
  const part = `${path}.part`;
  const file = await orWrongUse(path, () => open(part, "w", 0o600));
  try {
    await pipeline(content, file.createWriteStream());
    await orWrongUse(path, () => rename(part, path));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function orWrongUse<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = "", message } = error as { code?: string; message: string };
    const why = { ENOENT: "its folder does not exist", EACCES: "you may not write there", EISDIR: "it is a folder" }[code] ?? message;
    throw wrongUse(`${shownName(path)} cannot be written`, why, "name another file with --output");
  }
}

/** What others wrote into cells moves no cursor. Cells with line breaks keep them. */
function visible(): Transform {
  const decoder = new TextDecoder();
  return new Transform({
    transform(chunk: Buffer, _, done) {
      done(null, shownLines(decoder.decode(chunk, { stream: true }).replaceAll("\r\n", "\n")));
    },
  });
}

const reportHelp = `
One line a message: its line of the file (of a workbook: its row), number, state and the reason in words. UTF-8; phone numbers stay text in a
spreadsheet. Cells stand apart by what stood between those of the file, or is usual in its country.

With --join the file that was sent is read here and its own columns are added, line by line. Where another number stands than the campaign has
from that line, the file is refused with the first such line, and nothing is written.

Examples:
  npx bulksms report ID > report.csv
  npx bulksms report ID --join students.xlsx --output report.csv
                                                  with name, programme and whatever else the file has
  npx bulksms report ID --rejects --output rejects.csv
                                                  fix the rows, then: npx bulksms send rejects.csv --text ...
  npx bulksms report ID | grep -c delivered

Exit codes: 0 written, 1 refused (no such campaign, another file), 2 wrong use or settings, 3 a service does not answer
`;
