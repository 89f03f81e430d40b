// What the simulated network does to messages, as a table: mixes of outcomes, delays, causes. Read
// by plan.ts. Sources: ETSI EMTEL 2006, Meng et al. INFOCOM 2007, provider documents. Delays are at
// speed 1; shares are of all messages unless said otherwise.

import type { CarrierErrorCode } from "../contracts/receipts.ts";
import type { SimulatorProfileName } from "../contracts/simulator_journal.ts";

export interface SimulatorProfile {
  /**
   * How messages end; the four add up to 1. `rejected`: refused at the submit or failed before it
   * was sent.
   */
  mix: { delivered: number; undelivered: number; rejected: number; never: number };
  /** Until the submit is answered. */
  answer: LogNormal;
  /** From the submit's answer until the message is queued, and from there until it is sent. */
  queue: LogNormal;
  send: LogNormal;
  /** A campaign goes out over so long, evenly: the network's own throughput. */
  sendSpreadMs: number;
  /** From sent to the end, when the phone is reached at once. */
  delivery: LogNormal;
  /** Share of the delivered whose phone was out of reach at first. */
  unreachableShare: number;
  /**
   * Waits between the network's attempts; half of the phones still out of reach answer at each. The
   * last one is the end.
   */
  retryMs: readonly number[];
  /** Everything has ended so long after the submit; null: no such limit. */
  endWithinMs: number | null;
  duplicateShare: number;
  reorderedShare: number;
  /** A first receipt that overtakes the submit's answer. */
  earlyShare: number;
  /** Divides the parts a second that the simulator takes. */
  slowdown: number;
}

export interface LogNormal {
  medianMs: number;
  sigma: number;
}

const minute = 60_000;

const typical: SimulatorProfile = {
  mix: { delivered: 0.95, undelivered: 0.035, rejected: 0.01, never: 0.005 },
  answer: { medianMs: 80, sigma: 0.5 },
  queue: { medianMs: 60, sigma: 0.5 },
  send: { medianMs: 500, sigma: 0.6 },
  sendSpreadMs: 0,
  delivery: { medianMs: 4_000, sigma: 0.67 },
  unreachableShare: 0.06,
  retryMs: [1 * minute, 5 * minute, 15 * minute, 60 * minute, 180 * minute, 720 * minute],
  endWithinMs: null,
  duplicateShare: 0.01,
  reorderedShare: 0.02,
  earlyShare: 0.002,
  slowdown: 1,
};

const times = (delay: LogNormal, factor: number): LogNormal => ({ medianMs: delay.medianMs * factor, sigma: delay.sigma });

export const simulatorProfiles: Record<SimulatorProfileName, SimulatorProfile> = {
  typical,
  "clean-list": { ...typical, mix: { delivered: 0.98, undelivered: 0.015, rejected: 0.003, never: 0.002 } },
  "dirty-list": { ...typical, mix: { delivered: 0.88, undelivered: 0.08, rejected: 0.03, never: 0.01 } },
  /** Delays x 10, 5 % lost, throughput / 4. */
  "new-year": {
    ...typical,
    mix: { delivered: 0.905, undelivered: 0.035, rejected: 0.01, never: 0.05 },
    answer: times(typical.answer, 10),
    queue: times(typical.queue, 10),
    send: times(typical.send, 10),
    delivery: times(typical.delivery, 10),
    slowdown: 4,
  },
  /**
   * As typical, squeezed into about 40 s, so that all ends well before the demo campaign's deadline
   * of 45 s.
   */
  demo: {
    ...typical,
    sendSpreadMs: 30_000,
    delivery: { medianMs: 1_500, sigma: 0.5 },
    retryMs: [2_000, 3_000, 4_000],
    endWithinMs: 40_000,
  },
  /** Every message is answered soon, each receipt once and in order: for benchmarks and tests. */
  answered: {
    ...typical,
    mix: { delivered: 0.99, undelivered: 0.008, rejected: 0.002, never: 0 },
    unreachableShare: 0,
    // an absent phone is not tried again for hours: the end is known at once
    retryMs: [],
    duplicateShare: 0,
    reorderedShare: 0,
    earlyShare: 0,
  },
};

export interface Cause {
  code: CarrierErrorCode;
  /** Out of 100 of its list. */
  weight: number;
  /**
   * At the submit: the verdict is a refusal. Else a receipt says it: `failed` before it was sent,
   * `undelivered` after.
   */
  isRefusal?: true;
  /** The network tries again and again before it gives up. */
  isRetried?: true;
}

/** Why a message was not even sent. */
export const rejectedCauses: readonly Cause[] = [
  { code: "no_sms_service", weight: 35, isRefusal: true }, // the number says that it is a landline
  { code: "no_sms_service", weight: 25 }, // the home network says so
  { code: "sender_not_registered", weight: 15 },
  { code: "flooding_filter", weight: 25 },
];

/** Why a sent message did not arrive. */
export const undeliveredCauses: readonly Cause[] = [
  { code: "absent_subscriber", weight: 40, isRetried: true },
  { code: "memory_full", weight: 8, isRetried: true },
  { code: "unknown_subscriber", weight: 35 },
  { code: "barred", weight: 10 },
  { code: "network_failure", weight: 7 },
];
