// Hears what a link to a carrier says, and lets a test wait for it.
import type { CarrierMessage, CarrierReceipt, InboundMessage, LinkEvents, LinkState, MessageOutcome } from "../src/carriers/link.ts";

export interface LinkWatch {
  readonly events: { -readonly [Name in keyof LinkEvents]: LinkEvents[Name] };
  readonly onOutcome: (key: number, outcome: MessageOutcome) => void;
  /** Every outcome of each message: more than one is a fault of the link. */
  readonly outcomes: ReadonlyMap<number, MessageOutcome[]>;
  readonly receipts: readonly CarrierReceipt[];
  readonly inbound: readonly InboundMessage[];
  readonly states: readonly LinkState[];
  capacityCalls(): number;
  /** Keys in the order of their outcomes, with the kind: `1 accepted`. */
  told(): string[];
  /** Waits until this holds; looked at again whenever the link says something. */
  until(holds: () => boolean): Promise<void>;
  /** From now on receipts and messages wait for `commit` or `refuse`. */
  holdCommits(): void;
  /** The oldest that waits. */
  commit(): void;
  refuse(): void;
}

export function watchLink(): LinkWatch {
  const outcomes = new Map<number, MessageOutcome[]>();
  const order: string[] = [];
  const receipts: CarrierReceipt[] = [];
  const inbound: InboundMessage[] = [];
  const states: LinkState[] = [];
  const waiting = new Set<() => void>();
  const commits: { resolve: () => void; reject: (error: Error) => void }[] = [];
  let capacityCalls = 0;
  let isHolding = false;
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  const committed = (): Promise<void> => {
    const done = isHolding ? new Promise<void>((resolve, reject) => commits.push({ resolve, reject })) : Promise.resolve();
    wake();
    return done;
  };
  return {
    events: {
      onCapacity() {
        capacityCalls++;
        wake();
      },
      onReceipt(receipt) {
        receipts.push(receipt);
        return committed();
      },
      onInbound(message) {
        inbound.push(message);
        return committed();
      },
      onState(state) {
        states.push(state);
        wake();
      },
    },
    onOutcome(key, outcome) {
      outcomes.set(key, [...(outcomes.get(key) ?? []), outcome]);
      order.push(`${key} ${outcome.kind}`);
      wake();
    },
    outcomes,
    receipts,
    inbound,
    states,
    capacityCalls: () => capacityCalls,
    told: () => [...order],
    until: (holds) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!holds()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    holdCommits() {
      isHolding = true;
    },
    commit: () => commits.shift()?.resolve(),
    refuse: () => commits.shift()?.reject(new Error("the database is away")),
  };
}

/** A message to a phone of its own. */
export function carrierMessage(key: number, fields: Partial<CarrierMessage> = {}): CarrierMessage {
  const reference = `0190a000-0000-7000-8000-000000000000.${key}.1`;
  const phone = String(358_400_000_000 + key);
  return { key, reference, phone, sender: "Uni", text: `Hello ${key}`, validUntilMs: Date.UTC(2099, 0), ...fields };
}
