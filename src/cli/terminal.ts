// The look of every command: two spaces of margin, aligned columns, one accent colour, no boxes. A
// pipe and NO_COLOR get plain lines. Also numbers formatted for people: separators, units, and a
// width that does not jump.
import { cutToWidth, displayWidth } from "./shown_text.ts";

/** The width assumed for a terminal that does not report one. */
const columnsDefault = 100;
const margin = "  ";

export interface Terminal {
  /** A person watches: lines may be redrawn. Otherwise every line stays, so there are few. */
  isLive: boolean;
  columns(): number;
  accent(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
  /** Prints lines with the margin, above what is live. */
  line(text?: string): void;
  /** Prints text as it is, above what is live. */
  write(text: string): void;
  /**
   * Draws these lines at the bottom, over the previous ones; a line that is too long is cut, so
   * that none is left behind. Does nothing where nobody watches.
   */
  live(lines: readonly string[]): void;
  /** The live lines disappear, or stay for good. */
  endLive(options?: { keeps: boolean }): void;
}

export interface TerminalStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export function createTerminal(stream: TerminalStream, environment: Readonly<Record<string, string | undefined>>): Terminal {
  const isLive = stream.isTTY === true && environment.TERM !== "dumb";
  // https://no-color.org: set and not empty
  const hasColor = isLive && (environment.NO_COLOR ?? "") === "";
  const paint = (code: number) => (text: string) => (hasColor && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text);
  let drawn: readonly string[] = [];
  const columns = (): number => stream.columns || columnsDefault;
  /** A window that was narrowed since has wrapped the lines on screen. */
  const rowsDrawn = (): number =>
    drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil((margin.length + visibleLength(line)) / columns())), 0);
  /** Erases the live lines; the cursor is at the start of where the first one was. */
  const erase = (): string => (drawn.length === 0 ? "" : `\r${"\u001b[1A".repeat(rowsDrawn())}\u001b[0J`);
  const render = (lines: readonly string[]): string => lines.map((line) => `${margin}${line}`.trimEnd()).join("\n");
  return {
    isLive,
    columns,
    accent: paint(36),
    dim: paint(2),
    bold: paint(1),
    line(text = "") {
      stream.write(`${erase()}${render(text.split("\n"))}\n${drawn.length > 0 ? `${render(drawn)}\n` : ""}`);
    },
    write(text) {
      stream.write(`${erase()}${text}${drawn.length > 0 ? `${render(drawn)}\n` : ""}`);
    },
    live(lines) {
      if (!isLive) return;
      const fitting = lines.map((line) => cutLine(line, columns() - margin.length - 1));
      stream.write(`${erase()}${render(fitting)}\n`);
      drawn = fitting;
    },
    endLive({ keeps } = { keeps: false }) {
      if (!keeps && drawn.length > 0) stream.write(erase());
      drawn = [];
    },
  };
}

/** 4812 -> "4,812". */
export function formatCount(count: number | bigint): string {
  return count.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A decimal string of credits as a person reads it: "1234567.5" -> "1,234,567.5". */
export function formatCreditText(credits: string): string {
  const [whole = "0", decimals = "0"] = credits.split(".");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${decimals}`;
}

/** Time that passed: "1.6 s", "41 s", "2 min 05 s", "3 h 20 min". */
export function formatDuration(durationMs: number): string {
  const seconds = durationMs / 1_000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3_600)} h ${String(Math.floor((whole % 3_600) / 60)).padStart(2, "0")} min`;
}

/** Visible columns: without colour codes, two for a wide character. */
export function visibleLength(text: string): number {
  return displayWidth(text.replaceAll(colorCode, ""));
}

/** A line that does not fit loses its end and its colours. */
function cutLine(line: string, columns: number): string {
  return visibleLength(line) <= columns ? line : cutToWidth(line.replaceAll(colorCode, ""), Math.max(1, columns));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a colour code begins with ESC
const colorCode = /\u001b\[\d+m/g;

/**
 * Rows of cells as lines of aligned columns, three spaces between; a column named in `right` is
 * aligned to the right.
 */
export function alignColumns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, visibleLength(cell));
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const gap = " ".repeat((widths[index] as number) - visibleLength(cell));
        return right.includes(index) ? gap + cell : cell + gap;
      })
      .join("   ")
      .trimEnd(),
  );
}
