// A text as the octets of an SMS and back: GSM-7 unpacked (one septet per octet, as SMPP carries
// it; the carrier packs them), Latin-1, UCS-2 big-endian. Pure, also for the browser.
import { defaultAlphabet, septetsOf } from "./encodings.ts";

export type Alphabet = "gsm7" | "latin1" | "ucs2";

const escapeSeptet = 0x1b;
/** Codes behind the escape (3GPP TS 23.038, section 6.2.1.1). */
const extensionCodes: Readonly<Record<string, number>> = {
  "\f": 0x0a,
  "^": 0x14,
  "{": 0x28,
  "}": 0x29,
  "\\": 0x2f,
  "[": 0x3c,
  "~": 0x3d,
  "]": 0x3e,
  "|": 0x40,
  "€": 0x65,
};

/** Septet of each UTF-16 unit; of those behind the escape with 0x100 added. */
const septetOfUnit = new Map<number, number>();
const unitOfSeptet: string[] = [];
for (const [index, character] of [...defaultAlphabet].entries()) {
  // the escape's own place holds no character
  const septet = index < escapeSeptet ? index : index + 1;
  septetOfUnit.set(character.charCodeAt(0), septet);
  unitOfSeptet[septet] = character;
}
const extensionOfSeptet: string[] = [];
for (const [character, septet] of Object.entries(extensionCodes)) {
  septetOfUnit.set(character.charCodeAt(0), septet | 0x100);
  extensionOfSeptet[septet] = character;
}

/**
 * @param text only characters of the alphabet: all for UCS-2, up to U+00FF for Latin-1, those with
 * septets for GSM-7 (`alphabetFor` chooses)
 * @throws RangeError for any other
 */
export function encodeText(text: string, alphabet: Alphabet): Uint8Array {
  switch (alphabet) {
    case "gsm7":
      return encodeGsm7(text);
    case "latin1":
      return encodeLatin1(text);
    case "ucs2":
      return encodeUcs2(text);
  }
}

function encodeGsm7(text: string): Uint8Array {
  const octets = new Uint8Array(text.length * 2);
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    const septet = septetOfUnit.get(text.charCodeAt(index));
    if (septet === undefined) throw new RangeError("the text has a character that GSM-7 lacks");
    if (septet > 0xff) octets[length++] = escapeSeptet;
    octets[length++] = septet & 0x7f;
  }
  return octets.subarray(0, length);
}

function encodeLatin1(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0xff) throw new RangeError("the text has a character that Latin-1 lacks");
    octets[index] = code;
  }
  return octets;
}

function encodeUcs2(text: string): Uint8Array {
  const octets = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    octets[2 * index] = code >> 8;
    octets[2 * index + 1] = code & 0xff;
  }
  return octets;
}

/**
 * Never throws: an escape before a code without a character of its own is shown as that of the
 * default alphabet (as the standard asks of phones), a stray octet above 0x7F and half a unit of
 * UCS-2 as U+FFFD.
 */
export function decodeText(octets: Uint8Array, alphabet: Alphabet): string {
  switch (alphabet) {
    case "gsm7":
      return decodeGsm7(octets);
    case "latin1":
      return decodeLatin1(octets);
    case "ucs2":
      return decodeUcs2(octets);
  }
}

function decodeGsm7(octets: Uint8Array): string {
  let text = "";
  for (let index = 0; index < octets.length; index++) {
    let septet = octets[index] as number;
    if (septet === escapeSeptet) {
      if (++index >= octets.length) break;
      septet = octets[index] as number;
      const extended = extensionOfSeptet[septet];
      if (extended !== undefined) {
        text += extended;
        continue;
      }
    }
    text += septet === escapeSeptet ? " " : (unitOfSeptet[septet] ?? "\ufffd");
  }
  return text;
}

function decodeLatin1(octets: Uint8Array): string {
  let text = "";
  for (const octet of octets) text += String.fromCharCode(octet);
  return text;
}

function decodeUcs2(octets: Uint8Array): string {
  let text = "";
  for (let index = 0; index + 1 < octets.length; index += 2) {
    text += String.fromCharCode(((octets[index] as number) << 8) | (octets[index + 1] as number));
  }
  return octets.length % 2 === 0 ? text : `${text}\ufffd`;
}

/** Whether Latin-1 has every character. */
export function isLatin1(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0xff) return false;
  return true;
}

/**
 * How a text travels to a carrier whose default alphabet is the given one.
 *
 * Every text that counts as GSM-7 goes in the default alphabet if that has its characters. A
 * carrier of Latin-1 lacks the euro sign and Greek capitals, which then need UCS-2, and so more
 * parts than are charged. What counts as UCS-2 goes as UCS-2, also where Latin-1 has it: it
 * reaches phones in GSM-7, which has not.
 */
export function alphabetFor(text: string, defaultOfCarrier: "gsm7" | "latin1"): Alphabet {
  for (let index = 0; index < text.length; index++) if (septetsOf(text.charCodeAt(index)) === 0) return "ucs2";
  return defaultOfCarrier === "gsm7" || isLatin1(text) ? defaultOfCarrier : "ucs2";
}
