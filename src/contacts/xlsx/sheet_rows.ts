// A sheet's rows, as a stream. Called by the import and the quote (through worker.ts) and by the
// console's worker.
//
// What a cell gives:
//   texts                 as they stand; runs of rich text joined, without pronunciation
//   numbers               all digits of the sheet; with 16 digits and more: fault `digits_lost`
//   dates, times          ISO text, whatever the format shows (number_formats.ts)
//   booleans              TRUE, FALSE          errors   #N/A and the like, which count as empty
//   formulas              their cached value; without one: fault `formula_without_value`
//   merged cells          the value in the first of them, the others are empty
// Rows and columns that are hidden (a filter hides rows) are left out and counted, unless they are
// wanted. Cells to the right of the header's last name are columns without a name, if the first
// rows have any.
import { AppError } from "../../contracts/errors.ts";
import { type CellFault, type Header, headerName, type RejectedRow, type RowSource, type Rows } from "../rows.ts";
import { renderNumber } from "./number_formats.ts";
import { type SharedStrings, unescapeText } from "./shared_strings.ts";
import type { Sheet, Workbook } from "./workbook.ts";
import { createXmlReader, isTrue, type XmlHandlers } from "./xml.ts";
import { invalid } from "./zip.ts";

export interface SheetOptions {
  /** Includes rows and columns that are hidden. */
  withHidden: boolean;
}

export interface SheetRows extends RowSource {
  /** What was left out because it is hidden. Whole when all rows were read. */
  readonly hidden: Hidden;
}

export interface Hidden {
  /** How many rows with something in them. */
  rows: number;
  /**
   * Names of the columns with something below the header, in the order in which they are met; a
   * column without a name by its letters. The first `hiddenNamesMax`.
   */
  columns: readonly string[];
}

/** More hidden columns than anybody would read the names of. */
export const hiddenNamesMax = 50;

/** As many columns as a sheet can have. */
const columnsMax = 16_384;
/** As many rows. */
const sheetRowsMax = 1_048_576;
/** As many characters as a spreadsheet lets one type into a cell. */
const cellCharactersMax = 32_767;
/**
 * Rows are handed on when there are this many, or this many characters of them. The first batch
 * decides how wide the table is.
 */
const batchRows = 1_000;
const batchCharacters = 128 * 1024;

/**
 * The rows of one sheet. Strings are read first, then the sheet, piece by piece, as the rows are
 * asked for.
 */
export function readSheet(workbook: Workbook, sheet: Sheet, options: SheetOptions): SheetRows {
  const state = startState(workbook, options);
  return {
    get header() {
      return state.header;
    },
    delimiter: null,
    get hidden() {
      return { rows: state.hiddenRows, columns: state.hiddenColumns };
    },
    async *rows() {
      const entry = workbook.zip.find(sheet.part);
      if (entry === null) throw invalid(`its sheet ${JSON.stringify(sheet.name)} is missing.`);
      state.strings = await workbook.strings();
      const reader = createXmlReader(entry.name, handlersOf(state));
      for await (const chunk of workbook.zip.stream(entry)) {
        // what follows the cells is only unpacked, so that its checksum is checked
        if (state.isDone) continue;
        for (const _ of reader.push(chunk)) {
          if (state.isDone) break;
          if (isFull(state)) yield takeBatch(state);
        }
      }
      if (!state.isDone) reader.end();
      yield takeBatch(state);
    },
  };
}

interface RawRow {
  line: number;
  cells: string[];
  faults: Map<number, CellFault> | null;
}

interface State {
  workbook: Workbook;
  options: SheetOptions;
  strings: SharedStrings | null;
  header: Header | null;
  /** Columns of the table; null before the first rows are complete. */
  width: number | null;
  rows: RawRow[];
  rejected: RejectedRow[];
  characters: number;
  hiddenRows: number;
  hiddenColumns: string[];
  /** For each column 1 when it is hidden, 2 when it was named; null when none is hidden. */
  isHidden: Uint8Array | null;
  /** Names of hidden columns, by their places. */
  hiddenNames: Map<number, string>;
  /** For each column its place among those that are taken. */
  places: Int32Array | null;
  line: number;
  row: RawRow | null;
  isRowHidden: boolean;
  column: number;
  cell: { type: string; style: number; text: string; hasFormula: boolean; hasValue: boolean };
  /** Text is being gathered. */
  isInValue: boolean;
  phonetic: number;
  isInSheet: boolean;
  isDone: boolean;
}

function startState(workbook: Workbook, options: SheetOptions): State {
  return {
    workbook,
    options,
    strings: null,
    header: null,
    width: null,
    rows: [],
    rejected: [],
    characters: 0,
    hiddenRows: 0,
    hiddenColumns: [],
    isHidden: null,
    hiddenNames: new Map(),
    places: null,
    line: 0,
    row: null,
    isRowHidden: false,
    column: -1,
    cell: { type: "n", style: 0, text: "", hasFormula: false, hasValue: false },
    isInValue: false,
    phonetic: 0,
    isInSheet: false,
    isDone: false,
  };
}

function handlersOf(state: State): XmlHandlers {
  return {
    open(name, attributes) {
      if (state.row !== null) openInRow(state, name, attributes);
      else if (name === "row" && state.isInSheet) openRow(state, attributes);
      else if (name === "col") hideColumns(state, attributes);
      else if (name === "sheetData") openSheet(state);
    },
    text(text) {
      if (state.isInValue) state.cell.text += text;
    },
    close(name) {
      if (name === "v" || name === "t") state.isInValue = false;
      else if (name === "c") closeCell(state);
      else if (name === "rPh") state.phonetic--;
      else if (name === "row") closeRow(state);
      else if (name === "sheetData") state.isDone = true;
    },
  };
}

function hideColumns(state: State, { min, max, hidden }: Readonly<Record<string, string>>): void {
  if (!isTrue(hidden)) return;
  state.isHidden ??= new Uint8Array(columnsMax);
  state.isHidden.fill(1, Math.max(0, Number(min) - 1), Math.min(columnsMax, Number(max)));
}

function openSheet(state: State): void {
  const { isHidden, options } = state;
  state.isInSheet = true;
  if (isHidden === null || options.withHidden) return;
  let place = 0;
  state.places = Int32Array.from(isHidden, (hidden) => (hidden === 1 ? -1 : place++));
}

function openRow(state: State, { r, hidden }: Readonly<Record<string, string>>): void {
  const line = r === undefined ? state.line + 1 : Number(r);
  if (!(line > state.line && line <= sheetRowsMax)) throw invalid(`its row ${r ?? line} is in the wrong place.`);
  state.line = line;
  state.column = -1;
  state.isRowHidden = isTrue(hidden) && !state.options.withHidden;
  state.row = { line, cells: [], faults: null };
}

function openInRow(state: State, name: string, { r, s, t }: Readonly<Record<string, string>>): void {
  const { cell } = state;
  if (name === "c") {
    const column = r === undefined ? state.column + 1 : columnOf(r);
    if (!(column > state.column && column < columnsMax)) throw invalid(`its cell ${r ?? ""} in row ${state.line} is in the wrong place.`);
    state.column = column;
    cell.type = t ?? "n";
    cell.style = s === undefined ? 0 : Number(s);
    cell.text = "";
    cell.hasFormula = false;
    cell.hasValue = false;
  } else if (name === "v") {
    state.isInValue = true;
    cell.hasValue = true;
  } else if (name === "f") cell.hasFormula = true;
  else if (name === "t") state.isInValue = state.phonetic === 0;
  else if (name === "rPh") state.phonetic++;
}

/** "AB12" -> 27. */
function columnOf(reference: string): number {
  let column = 0;
  for (let at = 0; at < reference.length; at++) {
    const code = reference.charCodeAt(at) & ~0x20;
    if (code < 0x41 || code > 0x5a) break;
    column = column * 26 + code - 0x40;
  }
  return column - 1;
}

function closeCell(state: State): void {
  const { row, places, column } = state;
  if (row === null) return;
  const place = places === null ? column : (places[column] as number);
  if (place === -1) {
    takeHiddenCell(state);
    return;
  }
  const { text, fault } = valueOfCell(state);
  if (fault !== null) {
    row.faults ??= new Map();
    row.faults.set(place, fault);
  }
  if (text === "") return;
  while (row.cells.length < place) row.cells.push("");
  row.cells[place] = text;
}

/** A hidden column is named once, when it holds something below its name. */
function takeHiddenCell(state: State): void {
  const { isHidden, column, cell, header, hiddenColumns, hiddenNames } = state;
  if (isHidden === null || isHidden[column] === 2 || cell.text === "") return;
  if (header === null) {
    hiddenNames.set(column, headerName(valueOfCell(state).text));
    return;
  }
  isHidden[column] = 2;
  if (hiddenColumns.length < hiddenNamesMax) hiddenColumns.push(hiddenNames.get(column) || lettersOf(column));
}

/** A, B ... Z, AA ... as a spreadsheet heads its columns. */
function lettersOf(column: number): string {
  const rest = Math.floor(column / 26) - 1;
  return (rest < 0 ? "" : lettersOf(rest)) + String.fromCharCode(65 + (column % 26));
}

const rendered = (text: string) => ({ text, fault: null as CellFault | null });

function valueOfCell({ cell, strings, workbook, line }: State): { text: string; fault: CellFault | null } {
  const { type, text, hasFormula, hasValue } = cell;
  if (hasFormula && isWithoutValue(cell, workbook.isUncomputed)) return { text: "", fault: "formula_without_value" };
  switch (type) {
    case "s": {
      if (!hasValue || text === "") return rendered("");
      const found = strings?.at(Number(text));
      if (found === undefined) throw invalid(`a cell in row ${line} has a text that does not exist.`);
      return rendered(found);
    }
    case "b":
      return rendered(text === "" ? "" : isTrue(text.trim()) ? "TRUE" : "FALSE");
    case "d":
      return rendered(text.trim().replace(/T00:00:00(?:\.0+)?Z?$/, ""));
    case "e":
      return rendered(text.trim());
    case "str":
    case "inlineStr":
      return rendered(unescapeText(text));
    default: {
      const number = text.trim();
      return number === "" ? rendered("") : renderNumber(number, workbook.styles.formatOf(cell.style), workbook.is1904);
    }
  }
}

/** A text may be empty; a number may not. */
function isWithoutValue({ type, text, hasValue }: State["cell"], isUncomputed: boolean): boolean {
  if (!hasValue) return true;
  if (type === "str") return false;
  return text === "" || (isUncomputed && type === "n" && text === "0");
}

function closeRow(state: State): void {
  const { row } = state;
  state.row = null;
  // only the header names a hidden column, not what stands above it
  if (state.header === null && (row === null || state.isRowHidden || isBlankRow(row))) state.hiddenNames.clear();
  if (row === null || isBlankRow(row)) return;
  if (state.isRowHidden) {
    state.hiddenRows++;
    return;
  }
  if (state.header === null) {
    closeHeader(state, row);
    return;
  }
  if (row.cells.some((cell) => cell.length > cellCharactersMax)) {
    state.rejected.push({ line: row.line, reason: "cell_too_long", cells: row.cells });
    return;
  }
  state.rows.push(row);
  for (const cell of row.cells) state.characters += cell.length;
}

const isBlankRow = ({ cells, faults }: RawRow): boolean => faults === null && !cells.some((cell) => cell.trim() !== "");

function closeHeader(state: State, { cells, line, faults }: RawRow): void {
  if (cells.some((cell) => cell.length > cellCharactersMax)) {
    throw new AppError("csv_cell_too_long", `A cell in row ${line} has more than ${cellCharactersMax} characters.`, {
      details: { line, row: 0, characters_max: cellCharactersMax },
    });
  }
  const width = Math.max(cells.length, ...[...(faults?.keys() ?? [])].map((column) => column + 1));
  const hidden = [...state.hiddenNames.values()].filter((name) => name !== "");
  state.header = { cells: Array.from({ length: width }, (_, column) => headerName(cells[column] ?? "")), line, hidden };
}

function isFull({ rows, rejected, characters }: State): boolean {
  return rows.length >= batchRows || characters >= batchCharacters || rejected.length >= batchRows;
}

/** What was read since the last batch, in the form that all readers give. */
function takeBatch(state: State): Rows {
  const { rows, rejected } = state;
  const width = widthOf(state);
  const cells = rows.reduce((sum, row) => sum + Math.min(width, row.cells.length), 0);
  const bounds = new Int32Array(2 + 2 * cells);
  const starts = new Int32Array(rows.length + 1);
  const texts: string[] = [];
  const faults = new Map<number, CellFault>();
  let at = 0;
  let to = 2;
  starts[0] = 2;
  for (const [index, row] of rows.entries()) {
    for (let column = 0; column < row.cells.length && column < width; column++) {
      const text = row.cells[column] as string;
      texts.push(text);
      bounds[to++] = at;
      at += text.length;
      bounds[to++] = at;
    }
    starts[index + 1] = to;
    for (const [column, fault] of row.faults ?? []) if (column < width) faults.set(index * width + column, fault);
  }
  state.rows = [];
  state.rejected = [];
  state.characters = 0;
  const lines = Int32Array.from(rows, ({ line }) => line);
  return { count: rows.length, width, text: texts.join(""), bounds, starts, lines, rejected, faults };
}

/** Decided by the header and the first batch; a sheet may have cells to the right of its names. */
function widthOf(state: State): number {
  const { header, rows } = state;
  if (header === null) return 0;
  if (state.width !== null) return state.width;
  const width = rows.reduce((widest, { cells }) => Math.max(widest, cells.length), header.cells.length);
  state.width = width;
  if (width > header.cells.length) {
    const missing = Array.from({ length: width - header.cells.length }, () => "");
    state.header = { ...header, cells: [...header.cells, ...missing] };
  }
  return width;
}
