// CSV files of any size: distinct Finnish mobile numbers, none of which forces an outcome. One file
// per size, kept until all are removed.
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Each has ten million numbers behind it. */
const mobilePrefixes = ["40", "41", "44", "45", "46", "50"];
const numbersPerPrefix = 10_000_000;
export const contactsMax = mobilePrefixes.length * numbersPerPrefix;
/** Rows written at once. */
const rowsPerWrite = 20_000;

/** Number n (from 0) of the list, as E.164 without the plus. */
export function msisdnOf(n: number): number {
  return Number(`358${mobilePrefixes[Math.floor(n / numbersPerPrefix)]}${String(n % numbersPerPrefix).padStart(7, "0")}`);
}

export interface ContactFiles {
  folder: string;
  /** Path of a file with this many contacts. */
  of(contacts: number): string;
  remove(): void;
}

export function openContactFiles(): ContactFiles {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-contacts-"));
  const made = new Map<number, string>();
  return {
    folder,
    of(contacts) {
      if (contacts > contactsMax) throw new Error(`at most ${contactsMax} contacts`);
      const known = made.get(contacts);
      if (known !== undefined) return known;
      const file = join(folder, `${contacts}.csv`);
      writeContacts(file, contacts);
      made.set(contacts, file);
      return file;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function writeContacts(file: string, contacts: number): void {
  const handle = openSync(file, "w");
  try {
    writeSync(handle, "first_name,phone\n");
    for (let first = 0; first < contacts; first += rowsPerWrite) {
      const rows = Array.from({ length: Math.min(rowsPerWrite, contacts - first) }, (_, index) => {
        return `Student ${first + index + 1},+${msisdnOf(first + index)}\n`;
      });
      writeSync(handle, rows.join(""));
    }
  } finally {
    closeSync(handle);
  }
}
