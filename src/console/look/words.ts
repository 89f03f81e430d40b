// How numbers, credits, times and states are written, everywhere the same. Pure.
import { builtInCarrier, type CarrierAnswer } from "../../contracts/carriers.ts";
import { importEndOf } from "../../contracts/import_ends.ts";
import type { BulksmsStatus, FileEncoding, ShownState } from "../../contracts/states.ts";

export const showCount = (count: number): string => count.toLocaleString("en-GB");

/** Exact: decimal strings stay strings. `12345.60` -> `12,345.6`. */
export function showCredits(credits: string): string {
  const [whole = "0", fraction = ""] = credits.split(".");
  const decimals = fraction.replace(/0+$/, "");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${decimals === "" ? "0" : decimals}`;
}

/** Decimal strings to thousandths and back, so that no sum uses floats. */
export function milliOf(credits: string): bigint {
  const [whole = "0", fraction = ""] = credits.replace("-", "").split(".");
  const milli = BigInt(whole) * 1_000n + BigInt(fraction.padEnd(3, "0").slice(0, 3));
  return credits.startsWith("-") ? -milli : milli;
}

export function creditsOf(milli: bigint): string {
  const absolute = milli < 0n ? -milli : milli;
  return `${milli < 0n ? "-" : ""}${absolute / 1_000n}.${String(absolute % 1_000n).padStart(3, "0")}`;
}

export function showTime(at: string): string {
  return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function showMoment(at: string): string {
  return new Date(at).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

/** A time of today, or with its day. */
export const showSince = (at: string, nowMs: number): string =>
  new Date(at).toDateString() === new Date(nowMs).toDateString() ? showTime(at) : showMoment(at);

export function showMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return showSeconds(ms / 1_000);
}

export function showSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}

/** A cell whose invisible characters may be what is wrong with it: each is written as `U+200B`. */
export function showCell(value: string): string {
  if (value.trim() === "") return "(empty)";
  return value.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu, showCodePoint);
}

const showCodePoint = (character: string): string =>
  `U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")}`;

export const encodingWords: Readonly<Record<FileEncoding, string>> = {
  "utf-8": "UTF-8",
  "utf-16le": "UTF-16 (little-endian)",
  "utf-16be": "UTF-16 (big-endian)",
  "windows-1252": "Windows-1252 (Western European)",
  "iso-8859-15": "ISO-8859-15 (Latin-9)",
};

export const showPeople = (count: number): string => `${showCount(count)} ${count === 1 ? "person" : "people"}`;
/** `through telia`; of a simulated one that no phone is reached, after its name if it has one. */
export function carrierWords({ name, simulated }: CarrierAnswer): string {
  const through = name === builtInCarrier ? "" : `through ${name}`;
  return simulated ? `${through === "" ? "" : `${through}, `}simulated: no phone is reached` : through;
}

/** What the button does that sends: real or simulated is seen before anybody is texted. */
export function sendingWords({ name, simulated }: CarrierAnswer, contacts: number, { isTestOnly = false } = {}): string {
  const whom = isTestOnly ? `${showCount(contacts)} test ${contacts === 1 ? "phone" : "phones"}` : showPeople(contacts);
  return simulated ? `Simulate texting ${whom}` : `Text ${whom} through ${name}`;
}

const countryNames = new Intl.DisplayNames(["en"], { type: "region" });
/** @param country ISO 3166 letters */
export const countryName = (country: string): string => countryNames.of(country) ?? country;
/** `Finland, Norway and Sweden` */
export const showList = (words: readonly string[]): string => new Intl.ListFormat("en-GB").format(words);
export const showRows = (count: number): string => `${showCount(count)} ${count === 1 ? "row" : "rows"}`;

export const showBytes = (bytes: number): string =>
  bytes < 1_048_576 ? `${Math.max(1, Math.round(bytes / 1_024))} KiB` : `${(bytes / 1_048_576).toFixed(bytes < 10_485_760 ? 1 : 0)} MiB`;

/** Five meanings, each with a shape beside its colour. */
export type Meaning = "waiting" | "flying" | "delivered" | "failed" | "broken";

export const messageMeaning: Readonly<Record<ShownState, Meaning>> = {
  pending: "waiting",
  unknown: "flying",
  queued: "flying",
  sent: "flying",
  failed: "failed",
  undelivered: "failed",
  delivered: "delivered",
  expired: "failed",
  canceled: "waiting",
  unconfirmed: "flying",
};

export const bulksmsWords: Readonly<Record<BulksmsStatus, { description: string; meaning: Meaning }>> = {
  importing: { description: "reading the file", meaning: "waiting" },
  import_failed: { description: "the file was refused", meaning: "failed" },
  ready: { description: "ready to run", meaning: "waiting" },
  reserving: { description: "holding credit", meaning: "waiting" },
  running: { description: "running", meaning: "flying" },
  paused: { description: "paused", meaning: "waiting" },
  canceling: { description: "being canceled", meaning: "waiting" },
  settling: { description: "adding up", meaning: "flying" },
  finished: { description: "finished", meaning: "delivered" },
  canceled: { description: "canceled", meaning: "failed" },
};

/** Of a campaign; a file that nobody refused was not refused. */
export function campaignWords({ status, last_error }: { status: BulksmsStatus; last_error: string | null }): {
  description: string;
  meaning: Meaning;
} {
  const isCut = status === "import_failed" && importEndOf(last_error) !== null;
  return isCut ? { description: "not read to its end", meaning: "failed" } : bulksmsWords[status];
}
