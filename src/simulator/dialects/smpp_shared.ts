// What the parts of the SMPP dialect know of each other: options, binds, receipts on their way.

import type { ShortMessagePdu } from "../../protocols/smpp/pdus.ts";
import type { AccountNetwork } from "../account_network.ts";
import type { AccountReceipts } from "../accounts.ts";
import type { TokenBucket } from "../token_bucket.ts";
import type { createPeaks } from "./peaks.ts";

export interface SmppDialectOptions {
  network: AccountNetwork;
  /** system_id -> password. */
  passwords: ReadonlyMap<string, string>;
  /** What data_coding 0 means. */
  alphabet: "gsm7" | "latin1";
  /** Of one system_id at once. */
  bindsMax: number;
  /** submit_sm without an answer of one bind. */
  window: number;
  /** deliver_sm without an answer of one bind. */
  receiptWindow: number;
  /** Of one system_id; 0 is no limit. */
  partsPerSecond: number;
  /** PEM; null: without TLS. */
  tls: { cert: string; key: string } | null;
  /** Between two enquire_link of ours. */
  enquireLinkMs?: number;
  onFatal(error: unknown): void;
}

export interface SmppShared extends SmppDialectOptions {
  enquireLinkMs: number;
  receipts: SmppReceipts;
  peaks: ReturnType<typeof createPeaks>;
  bucketOf(account: string): TokenBucket;
  onSessionEnd(session: SmppBind): void;
}

/** A receipt that was told, on its way to an answer. */
export interface ReceiptInFlight {
  owner: number;
  what: number;
  /** Answers with an error so far. */
  attempts: number;
  refusedBy: SmppBind | undefined;
}

/** A bound connection, as receipts know it. */
export interface SmppBind {
  account(): string;
  /** Receipts without an answer. */
  unansweredCount(): number;
  unansweredReceipts(): ReceiptInFlight[];
  deliver(pdu: ShortMessagePdu, receipt: ReceiptInFlight): void;
}

export interface SmppReceipts extends AccountReceipts {
  /** A bind that receives has come: what waits goes there. */
  addSession(session: SmppBind): void;
  removeSession(session: SmppBind): void;
  /** The bind that a message came by, which gets its receipts if it can. */
  setHome(name: string, rowNo: number, session: SmppBind): void;
  onAnswer(session: SmppBind, receipt: ReceiptInFlight, status: number): void;
}
