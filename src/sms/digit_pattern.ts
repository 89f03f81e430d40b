// Patterns of digits, as libphonenumber's metadata writes them, as tables: one look-up per digit,
// without making strings. Pure, also for the browser. Called by numbers.ts. They have digits, \d,
// [classes], (?: groups ), |, ? and {counts}, nothing else; the test compiles those of all
// countries and compares with RegExp.

/** Whether the pattern matches all of the digits (values 0 to 9) from `start` to `end`. */
export type DigitPattern = (digits: Uint8Array, start: number, end: number) => boolean;

/**
 * Where the longest prefix of the digits from `start` to `end` that the pattern matches ends; -1 if
 * none does.
 */
export type DigitPrefix = (digits: Uint8Array, start: number, end: number) => number;

/**
 * Steps from a place in the pattern: over a digit of `mask` (bit d for digit d), or freely when it
 * is 0.
 */
interface Step {
  mask: number;
  to: number;
}

const anyDigit = 0x3ff;
const lastPlace = 1;
const dead = 0;
const unknown = -1;

/** A table that is filled as digits come by: state 0 can no longer match. */
interface Table {
  begin: number;
  next(state: number, digit: number): number;
  isEnd(state: number): boolean;
}

/** Throws SyntaxError for what no such pattern has. */
export function compileDigitPattern(source: string): DigitPattern {
  const { begin, next, isEnd } = compileTable(source);
  return (digits, start, end) => {
    let state = begin;
    for (let index = start; index < end && state !== dead; index++) state = next(state, digits[index] as number);
    return isEnd(state);
  };
}

/** For what stands before a number. Throws SyntaxError for what no such pattern has. */
export function compileDigitPrefix(source: string): DigitPrefix {
  const { begin, next, isEnd } = compileTable(source);
  return (digits, start, end) => {
    let state = begin;
    let longest = -1;
    for (let index = start; index < end && state !== dead; index++) {
      state = next(state, digits[index] as number);
      if (isEnd(state)) longest = index + 1;
    }
    return longest;
  };
}

function compileTable(source: string): Table {
  const places = readPlaces(source);
  // states are sets of places, found when first reached: most files have numbers of few kinds
  const states: number[][] = [[]];
  const known = new Map<string, number>([["", dead]]);
  const ends: boolean[] = [false];
  const nexts: number[] = Array(10).fill(dead);
  const stateOf = (reached: readonly number[]): number => {
    const set = withFreeSteps(places, reached);
    const key = set.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, states.length);
    ends.push(set.includes(lastPlace));
    for (let digit = 0; digit < 10; digit++) nexts.push(unknown);
    return states.push(set) - 1;
  };
  const step = (state: number, digit: number): number => {
    const reached = (states[state] as number[]).flatMap((place) =>
      (places[place] as Step[]).flatMap(({ mask, to }) => ((mask >> digit) & 1 ? [to] : [])),
    );
    const next = stateOf(reached);
    nexts[10 * state + digit] = next;
    return next;
  };
  return {
    begin: stateOf([0]),
    next: (state, digit) => {
      const next = nexts[10 * state + digit] as number;
      return next === unknown ? step(state, digit) : next;
    },
    isEnd: (state) => ends[state] as boolean,
  };
}

function withFreeSteps(places: readonly Step[][], reached: readonly number[]): number[] {
  const set = new Set(reached);
  for (const place of set) for (const { mask, to } of places[place] as Step[]) if (mask === 0) set.add(to);
  return [...set].sort((a, b) => a - b);
}

/** The pattern as a graph from place 0 to place 1. */
function readPlaces(source: string): Step[][] {
  const places: Step[][] = [[], []];
  let at = 0;
  const addPlace = (): number => places.push([]) - 1;
  const link = (from: number, mask: number, to: number): number => {
    (places[from] as Step[]).push({ mask, to });
    return to;
  };
  const readAlternatives = (from: number): number => {
    const end = addPlace();
    for (;;) {
      link(readSequence(from), 0, end);
      if (source[at] !== "|") return end;
      at++;
    }
  };
  const readSequence = (from: number): number => {
    let place = from;
    while (at < source.length && source[at] !== "|" && source[at] !== ")") place = readCounted(place);
    return place;
  };
  const readCounted = (from: number): number => {
    const start = at;
    let place = readOne(from);
    const [count, least, most] = /^\{(\d+)(?:,(\d+))?\}/.exec(source.slice(at)) ?? [""];
    const isOptional = count === "" && source[at] === "?";
    const after = at + (isOptional ? 1 : count.length);
    const end = addPlace();
    if (isOptional) link(from, 0, end);
    // each repetition is read anew, into places of its own
    for (let times = 1; times < Number(most ?? least ?? 1); times++) {
      if (times >= Number(least)) link(place, 0, end);
      at = start;
      place = readOne(place);
    }
    at = after;
    return link(place, 0, end);
  };
  const readOne = (from: number): number => {
    if (source.startsWith("(?:", at)) {
      at += 3;
      const end = readAlternatives(from);
      if (source[at++] !== ")") throw new SyntaxError(`a group is never closed: ${source}`);
      return end;
    }
    const [text, listed] = /^(?:\d|\\d|\[([\d-]+)\])/.exec(source.slice(at)) ?? [];
    if (text === undefined) throw new SyntaxError(`offset ${at} of a pattern of digits: ${source}`);
    at += text.length;
    return link(from, text === "\\d" ? anyDigit : maskOf(listed ?? text), addPlace());
  };
  link(readAlternatives(0), 0, lastPlace);
  if (at < source.length) throw new SyntaxError(`offset ${at} of a pattern of digits: ${source}`);
  return places;
}

/** Bits of the digits of a class: `13-5` is 1, 3, 4 and 5. */
function maskOf(listed: string): number {
  let mask = 0;
  for (const [, first, last] of listed.matchAll(/(\d)(?:-(\d))?/g)) {
    for (let digit = Number(first); digit <= Number(last ?? first); digit++) mask |= 1 << digit;
  }
  return mask;
}
