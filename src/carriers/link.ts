// The port to a carrier that would send a repeated message again (SMPP, Twilio): a link is a stream
// of single messages with their outcomes. Opened by sales_worker, used by campaign/dispatch. The
// own dialect, which repeats its verdict forever, has carrier.ts.
import type { ReceiptStatus } from "../contracts/states.ts";

/** One message on its way to a carrier. */
export interface CarrierMessage {
  /** Names it to onOutcome; unique among the link's messages that have no outcome yet. */
  key: number;
  /** For carriers that carry it in their receipts: `<bulksms_id>.<row_no>.<attempt>`. */
  reference: string;
  /** E.164 digits without the plus. */
  phone: string;
  sender: string;
  text: string;
  /** Nothing is sent after it; ms since 1970. */
  validUntilMs: number;
}

export type MessageOutcome =
  /** Ids by which receipts will name it, by the carrier's id rule: one, or one per part. */
  | { kind: "accepted"; ids: readonly string[] }
  /** Certainly not accepted, for good. */
  | { kind: "rejected"; errorCode: string }
  /** Some parts were accepted before one was refused. */
  | { kind: "parts_rejected"; ids: readonly string[]; errorCode: string }
  /** Certainly not accepted: the whole carrier wants no messages for a while. */
  | { kind: "throttled"; retryAfterMs: number }
  /** Certainly without effect: it never reached the socket, or is to be tried again later. */
  | { kind: "not_sent"; reason: string };

/** What a carrier reports later of a message, by its own id or by our reference. */
export interface CarrierReceipt {
  /** By the carrier's id rule; empty when `reference` names the message. */
  theirId: string;
  reference: string | null;
  /** null: an intermediate state that is no news. */
  status: ReceiptStatus | null;
  errorCode: string | null;
  /** The phone that the receipt is about, E.164 digits; null if it does not say. */
  phone: string | null;
  /** As it came, cut to 4,000 characters. */
  raw: string;
}

/** A message from a phone. */
export interface InboundMessage {
  from: string;
  to: string;
  text: string;
  theirId: string | null;
  part: { reference: number; total: number; number: number } | null;
  raw: string;
}

export type LinkState =
  | { kind: "connecting" }
  /** `peer`: the name by which the endpoint identifies itself, where the protocol has one. */
  | { kind: "bound"; peer?: string }
  /** The carrier throttles: nothing is submitted until then, on none of its links. */
  | { kind: "resting"; forMs: number; reason: string }
  | { kind: "over"; reason: string };

export interface LinkEvents {
  /** capacity() may have grown. */
  onCapacity(): void;
  /**
   * Acknowledged to the carrier once it resolves, so once it is committed; if it rejects, the
   * carrier repeats it.
   */
  onReceipt(receipt: CarrierReceipt): Promise<void>;
  onInbound(message: InboundMessage): Promise<void>;
  onState(state: LinkState): void;
}

/**
 * `refused`: wrong credentials, account blocked; trying again soon is in vain, on any link of the
 * carrier.
 */
export interface LinkEnd {
  reason: "closed" | "cut" | "timed_out" | "refused";
  description: string;
}

export interface CarrierLink {
  /** How many messages may be submitted now: 0 until it is bound, and while its window is full. */
  capacity(): number;
  /**
   * `onOutcome` is called once per message, possibly after `ended`: a late outcome is a fact too.
   */
  submit(messages: readonly CarrierMessage[], onOutcome: (key: number, outcome: MessageOutcome) => void): void;
  /**
   * Resolves when nothing more can be submitted. What never reached the socket has its outcome by
   * then (`not_sent`); a message without one is in doubt.
   */
  readonly ended: Promise<LinkEnd>;
  /** Drains what is in flight, acknowledges the receipts in hand, and closes. */
  close(drainMs?: number): Promise<void>;
}
