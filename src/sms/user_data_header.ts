// The header by which phones join the parts of a text (3GPP TS 23.040, section 9.2.3.24), written
// in its short form and read in all.

/** Which part of which message an SMS is. */
export interface PartOfText {
  /** The same for all parts; 0 to 255, or to 65,535 in the long form. */
  reference: number;
  total: number;
  /** From 1. */
  number: number;
}

/** Octets of the header that parts of several begin with. */
export const concatenationHeaderBytes = 6;

const concatenation8 = 0x00;
const concatenation16 = 0x08;

/** `05 00 03 reference total number`; the reference is taken modulo 256. */
export function concatenationHeader({ reference, total, number }: PartOfText): Uint8Array {
  return Uint8Array.of(5, concatenation8, 3, reference & 0xff, total, number);
}

/**
 * Separates the header from the words behind it.
 * @returns part: null without a reference to a message of several parts, or one that makes no
 * sense; rest: a view, the whole of `octets` when the header's length does not fit
 */
export function readUserDataHeader(octets: Uint8Array): { part: PartOfText | null; rest: Uint8Array } {
  const length = octets[0];
  if (length === undefined || length + 1 > octets.length) return { part: null, rest: octets };
  const end = length + 1;
  let part: PartOfText | null = null;
  for (let at = 1; at + 2 <= end; ) {
    const size = octets[at + 1] as number;
    const value = octets.subarray(at + 2, at + 2 + size);
    if (at + 2 + size > end) break;
    part ??= readPart(octets[at] as number, value);
    at += 2 + size;
  }
  return { part, rest: octets.subarray(end) };
}

function readPart(element: number, value: Uint8Array): PartOfText | null {
  const is8 = element === concatenation8 && value.length === 3;
  const is16 = element === concatenation16 && value.length === 4;
  if (!is8 && !is16) return null;
  const [high, low] = is16 ? [value[0] as number, value[1] as number] : [0, value[0] as number];
  const part = { reference: (high << 8) | low, total: value.at(-2) as number, number: value.at(-1) as number };
  return part.number >= 1 && part.number <= part.total ? part : null;
}
