// What sheet_thread.ts and worker.ts send each other.
import type { AppError, ErrorCode, ErrorDetails } from "../../contracts/errors.ts";
import type { Header, Rows } from "../rows.ts";
import type { Hidden, SheetOptions } from "./sheet_rows.ts";
import type { Sheet } from "./workbook.ts";

/** The file by its descriptor, which all threads of a process share. */
export interface ThreadFile {
  fd: number;
  size: number;
}

export type Question =
  | { kind: "open" }
  | { kind: "beginning"; sheet: Sheet; options: SheetOptions }
  /** Begins with the sheet, or goes on: `next`. */
  | { kind: "read"; sheet: Sheet; options: SheetOptions }
  | { kind: "next" };

export type Answer =
  | { kind: "opened"; sheets: readonly Sheet[] }
  | { kind: "rows"; header: Header | null; rows: Rows | null; hidden: Hidden }
  | { kind: "refused"; code: ErrorCode; detail: string; details: ErrorDetails }
  | { kind: "broken"; stack: string };

export function refusalOf({ code, message, details }: AppError): Answer {
  return { kind: "refused", code, detail: message, details };
}
