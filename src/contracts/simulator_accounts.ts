// Who submits to the simulator in the dialect of another carrier (SMPP, Twilio), and how their
// messages stand in its journal. Written by simulator, read by simulator and by whoever compares
// the journal with a sender's own books (laws, lab).
//
// An account is named `<protocol>:<credential>`: `smpp:oulu`, `twilio:AC...`. It has one batch of
// the journal for all its messages, which `accounts.jsonl` in the simulator's folder names; the
// line is on disk before the batch has a row. A batch that stands in no line is a campaign of the
// own dialect (batch_id is its id).
//
// The account's messages are rows 1, 2, ... in the order in which they were taken. Each POST of a
// message and each submit_sm that the network judged is one row, with one verdict, on disk before
// its answer. So a long message that its sender cut is a row per part (`part` of its details); one
// that came whole (Twilio, message_payload) is one row, whose verdict counts its parts. What was
// refused before the network saw it (form, rate, credentials) has no row.
//
// Was something accepted twice? The id that the client was given for a row is `theirIdOf`: it joins
// a row to what the sender's books say. A row whose answer was lost joins by its number mark, and
// by its digest, which is made of sender, number, text, and number and count of the part, never of
// a concatenation reference or a validity: two accepted rows of one mark and digest are the same
// part of the same text, accepted twice if its sender meant to send it once.
import { createHash } from "node:crypto";
import { z } from "zod";
import { rowNoMax } from "./receipts.ts";

/**
 * How the simulator identifies itself, so that nobody takes its texts for real ones: as `system_id`
 * of an SMPP bind's answer (at most 15 characters), and as a header of HTTP answers, whose value is
 * the version of the simulator's protocol.
 */
export const simulatorSystemId = "bulksms-sim";
export const simulatorHeader = "bulksms-simulator";
export const simulatorVersion = "1";

export const accountProtocols = ["smpp", "twilio"] as const;
export type AccountProtocol = (typeof accountProtocols)[number];

/** In the simulator's folder: one JSON object a line. */
export const accountsFile = "accounts.jsonl";

export const accountName = z.string().regex(/^(?:smpp|twilio):[^\s]{1,64}$/);

const accountLine = z.object({ account: accountName, batch_id: z.uuid() });

export interface SimulatorAccount {
  name: string;
  batchId: string;
}

export const protocolOf = (account: string): AccountProtocol => account.slice(0, account.indexOf(":")) as AccountProtocol;

export function formatAccount({ name, batchId }: SimulatorAccount): string {
  return `${JSON.stringify({ account: name, batch_id: batchId })}\n`;
}

/**
 * Reads the file's text. A last line without its end was cut by a crash: nothing was journaled
 * under it.
 * @throws Error when another line is not an account
 */
export function parseAccounts(text: string): SimulatorAccount[] {
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const { account, batch_id } = accountLine.parse(JSON.parse(line));
      return { name: account, batchId: batch_id };
    });
}

/** Digits of an SMPP message id that name the account, and those that name the row. */
const smppAccountDigits = 8;
const smppRowDigits = 10;
const smppId = /^[1-9]\d{17}$/;

/**
 * The id by which the client knows the row: a pure function of the account and the row.
 * - SMPP: 18 decimal digits, the first not 0. (Some clients read ids as numbers, drop leading
 *   zeros, or change their case.)
 * - Twilio: `SM` and 32 hexadecimal digits.
 */
export function theirIdOf({ name, batchId }: SimulatorAccount, rowNo: number): string {
  return protocolOf(name) === "smpp"
    ? smppPrefix(batchId) + String(rowNo).padStart(smppRowDigits, "0")
    : twilioPrefix(batchId) + rowNo.toString(16).padStart(8, "0");
}

/** The row of an id that `theirIdOf` gave for this account; null for any other text. */
export function rowOfTheirId(account: SimulatorAccount, id: string): number | null {
  const isSmpp = protocolOf(account.name) === "smpp";
  if (isSmpp ? !smppId.test(id) : !/^SM[0-9a-f]{32}$/.test(id)) return null;
  const rowNo = isSmpp ? Number(id.slice(smppAccountDigits)) : Number.parseInt(id.slice(26), 16);
  return rowNo >= 1 && rowNo <= rowNoMax && theirIdOf(account, rowNo) === id ? rowNo : null;
}

const digestOf = (batchId: string): Buffer => createHash("sha256").update(batchId).digest();
const prefixes = new Map<string, string>();

function smppPrefix(batchId: string): string {
  return prefixOf(`smpp ${batchId}`, () => String(10_000_000 + (digestOf(batchId).readUInt32BE(0) % 90_000_000)));
}

function twilioPrefix(batchId: string): string {
  return prefixOf(`twilio ${batchId}`, () => `SM${digestOf(batchId).toString("hex", 0, 12)}`);
}

/** Made once per account. */
function prefixOf(key: string, make: () => string): string {
  let prefix = prefixes.get(key);
  if (prefix === undefined) {
    prefix = make();
    prefixes.set(key, prefix);
  }
  return prefix;
}

/** As in a PDU. */
export interface SmppAddress {
  ton: number;
  npi: number;
  digits: string;
}

/**
 * What the journal keeps of an account's message beside its verdict (record `details`), as JSON. A
 * later record of the row replaces it.
 */
export interface AccountMessage {
  /** E.164 with its plus. */
  to: string;
  /** The sender as the client gave it. */
  from: string;
  /** Of this row: a part's own text. */
  text: string;
  /** Of a long message that its sender cut. */
  part?: { reference: number; total: number; number: number };
  /** What its receipts need: addresses as they came, and the receipts that were asked for. */
  smpp?: { source: SmppAddress; destination: SmppAddress; registeredDelivery: number };
  twilio?: {
    messagingServiceSid: string | null;
    statusCallback: string | null;
    /** The client has deleted it: it is no longer shown. */
    isDeleted?: true;
  };
}
