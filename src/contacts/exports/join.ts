// A campaign's report, or its rejects, with the cells of the file that it was made from: read side
// by side, both in the order of their lines, so that memory does not grow with the file. Pure, also
// for the browser: the command line and the console join with this.
import { createNumberReader } from "../../sms/numbers.ts";
import { csvSource } from "../csv/csv_source.ts";
import type { OpenedFile } from "../open_file.ts";
import { boundsAt, cellOf, cellsOf, type Header, type RejectedRow, type RowSource, type Rows } from "../rows.ts";
import { csvLine, originalCell } from "./cells.ts";
import { bareRejectColumns, headerLine, rejectCells, rejectColumns, reportColumns } from "./files.ts";
import { ownColumns } from "./own_columns.ts";
import { type Separator, separatorFor } from "./separator.ts";

/** The file is not the one that the campaign was made from. Its message names the first line. */
export class FileDiffers extends Error {
  readonly line: number | null;

  constructor(line: number | null, reason: string) {
    super(line === null ? reason : `Line ${line}: ${reason}`);
    this.name = "FileDiffers";
    this.line = line;
  }
}

interface Joining {
  /** report.csv or rejects.csv of salesapi, its bytes. */
  exported: AsyncIterable<Uint8Array>;
  /** The file, also with its hidden rows. */
  file: RowSource;
  /** In which its numbers without + were read, ISO 3166. */
  country: string;
}

/** Characters that are handed on at once. */
const pieceCharacters = 256 * 1024;

/**
 * report.csv with the file's own columns behind its own.
 * @throws FileDiffers at the first message whose line has another number, or none.
 */
export async function* joinReport({ exported, file, country }: Joining): AsyncGenerator<string, void, undefined> {
  const report = csvSource(exported, "utf-8");
  const lines = createLineFinder(file);
  const place = Object.fromEntries(reportColumns.map((name, column) => [name, column])) as Record<(typeof reportColumns)[number], number>;
  const numbers = createNumberFinder(country);
  const out = createPieces();
  let separator: Separator | null = null;
  for await (const rows of report.rows()) {
    for (let row = 0; row < rows.count; row++) {
      const cells = exportedCells(rows, row);
      const line = Number(cells[place.line]);
      if (!(line > 0)) {
        throw new FileDiffers(null, "The campaign was imported before lines were kept: its report cannot be joined with a file.");
      }
      const found = await lines.find(line);
      numbers.require(found, line, cells[place.msisdn] as string);
      if (separator === null) {
        separator = separatorFor(file.delimiter, country);
        out.add(headerLine([...reportColumns, ...columnsOf(file.header)], separator));
      }
      const { rows: fileRows, row: fileRow } = found as FoundRow;
      if (out.add(csvLine([...cells, ...cellsOf(fileRows, fileRow)], separator))) yield out.take();
    }
  }
  yield separator === null ? headerLine([...reportColumns], ",") : out.take();
}

/**
 * rejects.csv with all cells of the file's own rows, however long they are; also of a campaign that
 * kept none of them.
 * @throws FileDiffers at the first rejected row whose line has other cells, or none.
 */
export async function* joinRejects({ exported, file, country }: Joining): AsyncGenerator<string, void, undefined> {
  const rejects = csvSource(exported, "utf-8");
  const lines = createLineFinder(file);
  const out = createPieces();
  let separator: Separator | null = null;
  for await (const rows of rejects.rows()) {
    for (let row = 0; row < rows.count; row++) {
      const { line, reason, known } = rejectOf(rejects.header as Header, rows, row);
      const found = await lines.find(line);
      separator ??= separatorFor(file.delimiter, country);
      const cells = ownCells(found, separator);
      if (cells === null || !fits(known, cells)) {
        throw new FileDiffers(
          line,
          `the campaign rejected ${shown(known)} there; the file has ${cells === null ? "no row" : shown(cells)}.`,
        );
      }
      const columns = columnsOf(file.header);
      if (out.isFirst) out.add(headerLine(rejectColumns(columns), separator));
      if (out.add(csvLine(rejectCells(columns.length, { line, reason, cells, isCut: false }), separator))) yield out.take();
    }
  }
  yield separator === null ? headerLine([...ownColumns], ",") : out.take();
}

const columnsOf = (header: Header | null): readonly string[] => header?.cells ?? [];

type FoundRow = { rows: Rows; row: number };
type Found = FoundRow | { broken: RejectedRow } | null;

/** Finds lines of a file; each is greater than the one before. */
function createLineFinder(file: RowSource): { find(line: number): Promise<Found> } {
  const batches = file.rows()[Symbol.asyncIterator]();
  let rows: Rows | null = null;
  let row = 0;
  let broken = 0;
  const next = async (): Promise<boolean> => {
    const { value, done } = await batches.next();
    rows = done === true ? null : (value as Rows);
    row = 0;
    broken = 0;
    return rows !== null;
  };
  return {
    async find(line) {
      while (rows !== null || (await next())) {
        const batch = rows as unknown as Rows;
        while (row < batch.count && (batch.lines[row] as number) < line) row++;
        while (broken < batch.rejected.length && (batch.rejected[broken] as RejectedRow).line < line) broken++;
        if (row < batch.count && batch.lines[row] === line) return { rows: batch, row };
        const rejected = batch.rejected[broken];
        if (rejected?.line === line) return { broken: rejected };
        if (row < batch.count || rejected !== undefined || !(await next())) return null;
      }
      return null;
    },
  };
}

/**
 * Holds rows to the numbers of the report. Which column has them is told by the first ones: nobody
 * need say which was chosen when the campaign was made.
 */
function createNumberFinder(country: string): { require(found: Found, line: number, msisdn: string): void } {
  const read = createNumberReader(country);
  const numberIn = ({ rows, row }: FoundRow, column: number) => {
    const at = boundsAt(rows, row, column);
    return read(rows.text, rows.bounds[at] as number, rows.bounds[at + 1] as number);
  };
  let columns: number[] | null = null;
  return {
    require(found, line, msisdn) {
      if (found === null || "broken" in found) {
        const reason = found === null ? "the file has no row there" : "the file's row there is broken";
        throw new FileDiffers(line, `the campaign has ${msisdn} from it; ${reason}.`);
      }
      const number = Number(msisdn.slice(1));
      const candidates: number[] = columns ?? Array.from({ length: found.rows.width }, (_, column) => column);
      const fitting = candidates.filter((column) => numberIn(found, column) === number);
      if (fitting.length === 0) {
        const cells = candidates.map((column) => cellOf(found.rows, found.row, column));
        throw new FileDiffers(line, `the campaign has ${msisdn} from it; the file has ${shown(cells)} there.`);
      }
      columns = fitting;
    },
  };
}

/** A row of rejects.csv, with the cells that it has of the file: of old ones the number's alone. */
function rejectOf({ cells: header }: Header, rows: Rows, row: number): { line: number; reason: string; known: string[] } {
  const cells = exportedCells(rows, row);
  const isBare = header.length === bareRejectColumns.length && header[2] === bareRejectColumns[2];
  const own = isBare ? 0 : rows.width - ownColumns.length;
  const known = isBare ? cells.slice(2) : cells.slice(0, own);
  return { line: Number(cells[own]), reason: cells[own + 1] ?? "", known };
}

/** The cells of one of our exports, as they were before they were written. */
function exportedCells(rows: Rows, row: number): string[] {
  return Array.from({ length: rows.width }, (_, column) => {
    const at = boundsAt(rows, row, column);
    return originalCell(rows.text.slice(rows.bounds[at], rows.bounds[at + 1]));
  });
}

/** As rejects.csv has them, uncut. */
function ownCells(found: Found, separator: Separator): string[] | null {
  if (found === null) return null;
  if ("rows" in found) return cellsOf(found.rows, found.row);
  const { reason, cells } = found.broken;
  return reason === "row_ragged" ? [cells.join(separator)] : [...cells];
}

/**
 * Whether a row may have given these cells: each is somewhere in it, whole or cut. (Of old rejects
 * only the number's cell is known, and not where it stands.)
 */
function fits(known: readonly string[], cells: readonly string[]): boolean {
  const [only = ""] = known;
  // of old rejects up to 200 characters were kept, without a mark where they were cut
  if (known.length === 1) return cells.some((own) => isAt(only, own) || (only.length >= 200 && own.startsWith(only)));
  return known.every((cell, column) => cell === "" || isAt(cell, cells[column] ?? ""));
}

const isAt = (cell: string, own: string): boolean => own === cell || (cell.endsWith("…") && own.startsWith(cell.slice(0, -1)));

const shownCharacters = 60;

function shown(cells: readonly string[]): string {
  const text = cells.filter((cell) => cell.trim() !== "").join(" · ");
  const characters = [...text.slice(0, 2 * shownCharacters)];
  return JSON.stringify(characters.length > shownCharacters ? `${characters.slice(0, shownCharacters).join("")}…` : text);
}

/** Lines in pieces that are worth handing on. */
function createPieces(): { readonly isFirst: boolean; add(text: string): boolean; take(): string } {
  let lines: string[] = [];
  let length = 0;
  let isFirst = true;
  return {
    get isFirst() {
      return isFirst;
    },
    /** True: take it. */
    add(text) {
      isFirst = false;
      lines.push(text);
      length += text.length;
      return length >= pieceCharacters;
    },
    take() {
      const piece = lines.join("");
      lines = [];
      length = 0;
      return piece;
    },
  };
}

export interface JoinedFile {
  /** Opens the file; of a workbook without or with what is hidden. */
  open(withHiddenRows: boolean): Promise<OpenedFile>;
  /** The export's bytes from the beginning, each time. */
  exported(): AsyncIterable<Uint8Array>;
  country: string;
}

/**
 * Joins with the file as it was read for the campaign: nobody need say whether that was with its
 * hidden rows. `start` begins anew.
 * @throws FileDiffers
 */
export async function joinWithFile(
  which: "report" | "rejects",
  { open, exported, country }: JoinedFile,
  sink: { start(): Promise<void>; add(piece: string): Promise<void> },
): Promise<void> {
  const joined = which === "report" ? joinReport : joinRejects;
  for (const withHiddenRows of [false, true]) {
    const opened = await open(withHiddenRows);
    try {
      await sink.start();
      for await (const piece of joined({ exported: exported(), file: opened.source, country })) await sink.add(piece);
      return;
    } catch (error) {
      if (!(error instanceof FileDiffers) || withHiddenRows || opened.answer().kind === "csv") throw error;
    } finally {
      await opened.close();
    }
  }
}
