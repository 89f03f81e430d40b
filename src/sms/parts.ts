// How many parts (140-octet SMS) a text takes: what is charged. 3GPP TS 23.040, section 9.2.3.24.1:
// a part of several loses 6 octets to the header `05 00 03 ref total seq`. Pure, also for the
// browser. Called by the import for every filled text.
import { countSeptets, type Encoding, septetsOf } from "./encodings.ts";

/**
 * 140 octets are 160 septets; without the header's 6 octets (48 bits, rounded up to 7 septets) 153.
 */
export const septetsAlone = 160;
export const septetsOfPart = 153;
/** 140 octets are 70 UTF-16 units; without the header's 6 octets 67. */
export const unitsAlone = 70;
export const unitsOfPart = 67;

export interface TextSize {
  encoding: Encoding;
  /** Septets in GSM-7, UTF-16 units in UCS-2. */
  units: number;
  /** 0 for the empty text. */
  parts: number;
}

/**
 * The encoding, length and parts of a text. An escape pair of GSM-7 and a surrogate pair of UCS-2
 * never straddle two parts.
 */
export function measureText(text: string): TextSize {
  const septets = countSeptets(text);
  if (septets >= 0) return { encoding: "gsm7", units: septets, parts: countGsm7Parts(text, septets) };
  return { encoding: "ucs2", units: text.length, parts: countUcs2Parts(text) };
}

/** Only the parts of `measureText`. */
export function countParts(text: string): number {
  const septets = countSeptets(text);
  return septets >= 0 ? countGsm7Parts(text, septets) : countUcs2Parts(text);
}

function countGsm7Parts(text: string, septets: number): number {
  if (septets === 0) return 0;
  if (septets <= septetsAlone) return 1;
  // without extension characters nothing can straddle
  if (septets === text.length) return Math.ceil(septets / septetsOfPart);
  let parts = 1;
  let used = 0;
  for (let index = 0; index < text.length; index++) {
    const cost = septetsOf(text.charCodeAt(index));
    if (used + cost > septetsOfPart) {
      parts++;
      used = 0;
    }
    used += cost;
  }
  return parts;
}

function countUcs2Parts(text: string): number {
  if (text.length <= unitsAlone) return 1;
  let parts = 0;
  for (let start = 0; start < text.length; parts++) {
    const end = start + unitsOfPart;
    start = end < text.length && isPairAcross(text, end) ? end - 1 : end;
  }
  return parts;
}

/** Whether units end-1 and end are the two halves of one character. */
function isPairAcross(text: string, end: number): boolean {
  return (text.charCodeAt(end - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(end) & 0xfc00) === 0xdc00;
}
