// A text cut into the parts of an SMS, at the places that parts.ts counts by: never between the two
// septets of an escape pair or the two units of a surrogate pair. Pure, also for the browser.
import { septetsOf } from "./encodings.ts";
import { septetsAlone, septetsOfPart, unitsAlone, unitsOfPart } from "./parts.ts";
import { type Alphabet, alphabetFor, encodeText } from "./text_octets.ts";

export interface CutText {
  alphabet: Alphabet;
  /**
   * Octets of each part, without headers; one for a text that fits alone, the empty one included.
   */
  parts: Uint8Array[];
}

/**
 * As many parts as `countParts` says (one for the empty text), except where `alphabetFor` must take
 * UCS-2 for a text that counts as GSM-7. A part of several leaves room for the header
 * `05 00 03 ref total number`.
 */
export function cutText(text: string, defaultOfCarrier: "gsm7" | "latin1"): CutText {
  const alphabet = alphabetFor(text, defaultOfCarrier);
  const isUcs2 = alphabet === "ucs2";
  // Latin-1 is packed as GSM-7 on its way to the phone, so its parts hold as many septets
  const cost = isUcs2 ? costInUnits : costInSeptets;
  const pieces = cutPieces(text, cost, isUcs2 ? unitsAlone : septetsAlone, isUcs2 ? unitsOfPart : septetsOfPart);
  return { alphabet, parts: pieces.map((piece) => encodeText(piece, alphabet)) };
}

/** Cost of the character that begins at an index, and how many units of the text it has. */
type Cost = (text: string, index: number) => { cost: number; units: 1 | 2 };

const pair = { cost: 2, units: 2 } as const;
const single = { cost: 1, units: 1 } as const;
const escaped = { cost: 2, units: 1 } as const;

const costInSeptets: Cost = (text, index) => (septetsOf(text.charCodeAt(index)) === 2 ? escaped : single);
const costInUnits: Cost = (text, index) =>
  (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00 ? pair : single;

function cutPieces(text: string, costOf: Cost, alone: number, ofPart: number): string[] {
  const pieces: string[] = [];
  let total = 0;
  let used = 0;
  let start = 0;
  for (let index = 0; index < text.length; ) {
    const { cost, units } = costOf(text, index);
    if (used + cost > ofPart) {
      pieces.push(text.slice(start, index));
      start = index;
      used = 0;
    }
    used += cost;
    total += cost;
    index += units;
  }
  return total <= alone ? [text] : [...pieces, text.slice(start)];
}
