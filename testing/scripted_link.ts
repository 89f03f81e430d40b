// A carrier at the end of a link, as tests want it: takes messages, answers when it is told to,
// brings receipts, is cut. It counts what it accepted, as a carrier's own journal would.
import type { CarrierLink, CarrierMessage, CarrierReceipt, LinkEnd, LinkEvents, MessageOutcome } from "../src/carriers/link.ts";

export interface ScriptedCarrier {
  /** Opens a link of it. */
  open(events: LinkEvents): CarrierLink;
  /** Accepted messages by phone: more than 1 is twice. */
  accepted: Map<string, number>;
  /** Messages that were handed to it and not answered, oldest first. */
  unanswered: CarrierMessage[];
  /** The most that were ever unanswered at once. */
  inFlightMax: number;
  /** How it answers by itself; null: only by `answer`. */
  behaviour: ((message: CarrierMessage) => MessageOutcome) | null;
  /** Answers the oldest unanswered message, or this one. */
  answer(outcome: MessageOutcome, key?: number): void;
  /** Takes what is unanswered, as a carrier does whose answers are lost. */
  takeSilently(): void;
  receipt(receipt: Partial<CarrierReceipt> & { theirId: string }): Promise<void>;
  /** It throttles: as its link tells it. */
  rest(forMs: number): void;
  /** The connection is lost. */
  cut(reason?: LinkEnd["reason"]): void;
  links: number;
}

export function scriptCarrier(window: number): ScriptedCarrier {
  let events: LinkEvents | undefined;
  let onOutcome: (key: number, outcome: MessageOutcome) => void = () => {};
  let end: (end: LinkEnd) => void = () => {};
  let isOpen = false;
  const accept = (message: CarrierMessage): void => {
    carrier.accepted.set(message.phone, (carrier.accepted.get(message.phone) ?? 0) + 1);
  };
  const settle = (message: CarrierMessage, outcome: MessageOutcome): void => {
    carrier.unanswered = carrier.unanswered.filter((one) => one !== message);
    if (outcome.kind === "accepted" || outcome.kind === "parts_rejected") accept(message);
    onOutcome(message.key, outcome);
    if (isOpen) events?.onCapacity();
  };
  const carrier: ScriptedCarrier = {
    accepted: new Map(),
    unanswered: [],
    inFlightMax: 0,
    behaviour: null,
    links: 0,
    open(given) {
      events = given;
      isOpen = true;
      carrier.links += 1;
      let endThis: (end: LinkEnd) => void = () => {};
      const ended = new Promise<LinkEnd>((resolve) => {
        endThis = resolve;
      });
      end = endThis;
      setImmediate(() => given.onCapacity());
      return {
        capacity: () => (isOpen ? window - carrier.unanswered.length : 0),
        submit(messages, tell) {
          onOutcome = tell;
          carrier.unanswered.push(...messages);
          carrier.inFlightMax = Math.max(carrier.inFlightMax, carrier.unanswered.length);
          const { behaviour } = carrier;
          if (behaviour !== null) for (const message of messages) setImmediate(() => settle(message, behaviour(message)));
        },
        ended,
        async close() {
          if (end === endThis) isOpen = false;
          endThis({ reason: "closed", description: "closed" });
        },
      };
    },
    answer(outcome, key) {
      const message = key === undefined ? carrier.unanswered[0] : carrier.unanswered.find((one) => one.key === key);
      if (message === undefined) throw new Error("there is no such message to answer");
      settle(message, outcome);
    },
    takeSilently() {
      for (const message of carrier.unanswered) accept(message);
      carrier.unanswered = [];
    },
    receipt(receipt) {
      if (events === undefined) throw new Error("no link is open");
      return events.onReceipt({
        reference: null,
        status: "delivered",
        errorCode: null,
        phone: null,
        raw: JSON.stringify(receipt),
        ...receipt,
      });
    },
    rest(forMs) {
      events?.onState({ kind: "resting", forMs, reason: "it throttles" });
    },
    cut(reason = "cut") {
      isOpen = false;
      end({ reason, description: "the connection was lost" });
    },
  };
  return carrier;
}
