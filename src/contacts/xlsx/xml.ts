// XML as a stream of elements, by saxes. Called for every part of a workbook. saxes rather than
// saxen, which is as fast and 4 kB smaller: saxen 11.2 ends a tag at a `>` inside an attribute that
// two chunks share.
import { type SaxesAttributePlain, SaxesParser } from "saxes";
import { isAppError } from "../../contracts/errors.ts";
import { invalid, tooLarge } from "./zip.ts";

export interface XmlHandlers {
  /** Names are without their prefix. */
  open?(name: string, attributes: Readonly<Record<string, string>>): void;
  text?(text: string): void;
  close?(name: string): void;
}

/**
 * The most characters of one tag or text: a cell has at most 32,767, each at most 10 when escaped.
 */
const tokenCharactersMax = 1024 * 1024;
/** What the parser gets at once, so that its caller can pass rows on in between. */
const writeCharacters = 64 * 1024;

export interface XmlReader {
  /** Takes bytes of UTF-8; stops after each piece, so that the caller may take what was found. */
  push(bytes: Uint8Array): Generator<void>;
  end(): void;
}

/**
 * `part` is named in errors. @throws AppError xlsx_invalid, xlsx_too_large; whatever the handlers
 * throw.
 */
export function createXmlReader(part: string, handlers: XmlHandlers): XmlReader {
  const parser = new SaxesParser<{ xmlns: false; position: false }>({ xmlns: false, position: false });
  const decoder = new TextDecoder();
  let quiet = 0;
  parser.on("opentag", ({ name, attributes }) => {
    quiet = 0;
    handlers.open?.(localName(name), attributes as Record<string, SaxesAttributePlain["value"]>);
  });
  parser.on("closetag", ({ name }) => {
    quiet = 0;
    handlers.close?.(localName(name));
  });
  if (handlers.text !== undefined) parser.on("text", handlers.text);
  if (handlers.text !== undefined) parser.on("cdata", handlers.text);
  // a workbook never needs one, and its declarations can only do harm
  parser.on("doctype", () => {
    throw invalid(`its part ${part} declares a document type.`);
  });
  const write = (text: string) => {
    quiet += text.length;
    if (quiet > tokenCharactersMax) throw tooLarge(`its part ${part} has a cell of more than a megabyte.`);
    attempt(part, () => parser.write(text));
  };
  return {
    *push(bytes) {
      const text = decoder.decode(bytes, { stream: true });
      for (let at = 0; at < text.length; at += writeCharacters) {
        write(text.length <= writeCharacters ? text : text.slice(at, at + writeCharacters));
        yield;
      }
    },
    end() {
      write(decoder.decode());
      attempt(part, () => parser.close());
    },
  };
}

function attempt(part: string, step: () => void): void {
  try {
    step();
  } catch (error) {
    throw isAppError(error) ? error : invalid(`its part ${part} is not valid XML.`, error);
  }
}

/** A name without its prefix. */
export function localName(name: string): string {
  const colon = name.indexOf(":");
  return colon === -1 ? name : name.slice(colon + 1);
}

/** An attribute by its name without prefix. */
export function attributeOf(attributes: Readonly<Record<string, string>>, wanted: string): string | null {
  const name = Object.keys(attributes).find((key) => localName(key) === wanted && !key.startsWith("xmlns"));
  return name === undefined ? null : (attributes[name] as string);
}

/** xsd:boolean. */
export const isTrue = (value: string | null | undefined) => value === "1" || value === "true" || value === "on";

/** Reads a whole part. */
export async function readXml(part: string, chunks: AsyncIterable<Uint8Array>, handlers: XmlHandlers): Promise<void> {
  const reader = createXmlReader(part, handlers);
  for await (const chunk of chunks) for (const _ of reader.push(chunk));
  reader.end();
}
