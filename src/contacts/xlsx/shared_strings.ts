// The texts of a workbook, which its cells name by number. Called by workbook.ts. A sheet of
// 100,000 rows and 50 columns may have five million of them, so they are concatenated in long
// strings.
import { createXmlReader } from "./xml.ts";
import { tooLarge } from "./zip.ts";

export interface SharedStrings {
  readonly count: number;
  /** Undefined if there is no such string. */
  at(index: number): string | undefined;
}

/** Strings of one block. */
const blockStrings = 1024;
/** With two bytes per character, for a block with one that is not Latin-1. */
const charactersMax = 96 * 1024 * 1024;

interface Block {
  text: string;
  /** Where each string ends; the smaller array for almost all blocks. */
  ends: Uint16Array | Uint32Array;
}

export const noStrings: SharedStrings = { count: 0, at: () => undefined };

/** Reads xl/sharedStrings.xml. @throws AppError xlsx_invalid, xlsx_too_large. */
export async function readSharedStrings(part: string, chunks: AsyncIterable<Uint8Array>): Promise<SharedStrings> {
  const blocks: Block[] = [];
  let count = 0;
  let characters = 0;
  let texts: string[] = [];
  const closeBlock = () => {
    const text = flat(texts.join(""));
    const ends = text.length < 65_536 ? new Uint16Array(texts.length) : new Uint32Array(texts.length);
    let end = 0;
    for (const [place, piece] of texts.entries()) {
      end += piece.length;
      ends[place] = end;
    }
    blocks.push({ text, ends });
    texts = [];
  };
  const reader = createXmlReader(
    part,
    stringHandlers("si", (text) => {
      characters += text.length;
      if (characters > charactersMax) throw tooLarge(`its texts have more than ${charactersMax} characters.`);
      texts.push(text);
      count++;
      if (texts.length === blockStrings) closeBlock();
    }),
  );
  for await (const chunk of chunks) for (const _ of reader.push(chunk));
  reader.end();
  closeBlock();
  return {
    count,
    at(index) {
      const block = blocks[Math.floor(index / blockStrings)];
      const place = index % blockStrings;
      if (block === undefined || !(place < block.ends.length)) return undefined;
      return block.text.slice(place === 0 ? 0 : block.ends[place - 1], block.ends[place]);
    },
  };
}

function flat(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Latin-1 takes one byte per character
  const isLatin1 = /^[\x00-\xff]*$/.test(text);
  const encoded = isLatin1 ? null : new TextEncoder().encode(text);
  return encoded === null ? text : new TextDecoder("utf-8", { ignoreBOM: true }).decode(encoded);
}

/**
 * Handlers that gather the text of each `element` from its <t>, or from those of its runs <r>;
 * <rPh> holds the pronunciation.
 */
export function stringHandlers(element: string, take: (text: string) => void) {
  let text = "";
  let isInText = false;
  let phonetic = 0;
  return {
    open(name: string) {
      if (name === element) text = "";
      else if (name === "t") isInText = phonetic === 0;
      else if (name === "rPh") phonetic++;
    },
    text(piece: string) {
      if (isInText) text += piece;
    },
    close(name: string) {
      if (name === "t") isInText = false;
      else if (name === "rPh") phonetic--;
      else if (name === element) take(unescapeText(text));
    },
  };
}

/** `_x000D_`: how a workbook writes characters that XML lacks. */
export function unescapeText(text: string): string {
  if (!text.includes("_x")) return text;
  return text.replace(/_x([0-9a-f]{4})_/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
