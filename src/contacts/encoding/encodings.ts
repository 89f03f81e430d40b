// The encodings that contact files come in, and what their bytes mean. Pure, also for the browser.
// The tables are ours: Node 20 decodes Windows-1252 as ISO-8859-1, and browsers have both.

import { type FileEncoding, fileEncodings } from "../../contracts/states.ts";

export const encodings = fileEncodings;
export type Encoding = FileEncoding;

/** Names as people and programs write them, ignoring case, spaces, dashes and underscores. */
const aliases: Readonly<Record<string, Encoding>> = {
  utf8: "utf-8",
  utf16: "utf-16le",
  utf16le: "utf-16le",
  utf16be: "utf-16be",
  windows1252: "windows-1252",
  cp1252: "windows-1252",
  ansi: "windows-1252",
  // Windows-1252 has the same characters, and more where ISO-8859-1 has none
  latin1: "windows-1252",
  iso88591: "windows-1252",
  iso885915: "iso-8859-15",
  latin9: "iso-8859-15",
};

/** The encoding with this name, or null if we cannot read it. */
export function encodingNamed(name: string): Encoding | null {
  return aliases[name.toLowerCase().replace(/[\s_-]/g, "")] ?? null;
}

/** Code points of 0x80-0x9F (WHATWG); the five bytes without a character map to themselves. */
const windows1252 = [
  0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f, 0x90, 0x2018,
  0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
];

/** Bytes for which Windows-1252 has no character. */
export const undefinedBytes: readonly number[] = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

/** Where ISO-8859-15 differs from Windows-1252 and ISO-8859-1. */
const iso885915: Readonly<Record<number, number>> = {
  164: 0x20ac,
  166: 0x0160,
  168: 0x0161,
  180: 0x017d,
  184: 0x017e,
  188: 0x0152,
  189: 0x0153,
  190: 0x0178,
};

/** Bytes that mean one character in Windows-1252 and another in ISO-8859-15. */
export const ambiguousBytes: readonly number[] = Object.keys(iso885915).map(Number);

export type SingleByteEncoding = "windows-1252" | "iso-8859-15";

/** The code point of each byte, 256 of them. */
export function codePointsOf(encoding: SingleByteEncoding): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    if (encoding === "iso-8859-15") return iso885915[byte] ?? byte;
    return byte >= 0x80 && byte <= 0x9f ? (windows1252[byte - 0x80] as number) : byte;
  });
}

/** A piece of a file in one of the single-byte encodings, decoded. */
export function textOfBytes(bytes: Iterable<number>, encoding: SingleByteEncoding): string {
  const codePoints = codePointsOf(encoding);
  return Array.from(bytes, (byte) => String.fromCharCode(codePoints[byte] as number)).join("");
}
