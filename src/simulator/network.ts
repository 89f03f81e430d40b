// What the parts of the simulated network share: its options, clock and counts, the journal, and
// the queues of what comes next. simulator.ts makes one; everything else here is given it.
import type { SimulatorProfileName } from "../contracts/simulator_journal.ts";
import { createPairQueue, type PairQueue } from "../webhooks/pair_queue.ts";
import type { Sender } from "../webhooks/sender.ts";
import { type Accounts, createAccounts } from "./accounts.ts";
import { createClock, type SimulatorClock } from "./clock.ts";
import { createEventWheel, type EventWheel } from "./event_wheel.ts";
import { createJournal, type Journal, type OpenSegment } from "./journal.ts";
import type { Weather } from "./weather.ts";
import type { Strays } from "./weather_strays.ts";

export interface SimulatorOptions {
  folder: string;
  seed: number;
  profile: SimulatorProfileName;
  /** Divides all delays; Infinity is none. */
  speed: number;
  /** Message parts a second; 0 is no limit. */
  partsPerSecond: number;
  receiptHorizonMs: number;
  receiptsUrl: string;
  receiptSecret: string;
  receiptsPerBody: number;
  callbackConcurrency: number;
  callbackPipelining: number;
  /** Called after each attempt to bring receipts; status 0 is no answer. */
  onCallback?(status: number, seconds: number): void;
  /** The journal cannot be written: the process must end and start anew from what is on disk. */
  onFatal(error: unknown): void;
  /** For tests of clocks that are set, and of what happens days later. */
  clock?: SimulatorClock;
}

/** Counts since the start of this process. */
export interface SimulatorCounts {
  accepted: number;
  rejected: number;
  repeats: number;
  repeats_differing: number;
  throttled: number;
  sent: number;
  parts_sent: number;
  ended: number;
  receipts_emitted: number;
  receipts_answered: number;
  receipts_given_up: number;
}

export interface Network {
  readonly options: SimulatorOptions;
  readonly clock: SimulatorClock;
  readonly journal: Journal;
  /** Steps to come, and receipts that the weather delays: (segment, slot and step). */
  readonly wheel: EventWheel;
  /** Receipts that wait for the journal's next commit: (segment, slot and receipt number). */
  readonly told: PairQueue;
  readonly counts: SimulatorCounts;
  /** Who submits in another carrier's dialect. */
  readonly accounts: Accounts;
  sender: Sender;
  weather: Weather;
  strays: Strays;
  isDraining: boolean;
}

/**
 * Without `sender`, `weather` and `strays` yet: simulator.ts sets them before the journal opens,
 * which tells receipts at once.
 * @param onResume called for every segment that came from disk with unfinished messages
 */
export function createNetwork(options: SimulatorOptions, onResume: (open: OpenSegment) => void): Network {
  const clock = options.clock ?? createClock();
  const accounts = createAccounts(options.folder);
  return {
    options,
    clock,
    accounts,
    journal: createJournal({
      folder: options.folder,
      isOfAccount: (batchId) => accounts.ofBatch(batchId) !== undefined,
      onResume,
      onFatal: options.onFatal,
    }),
    wheel: createEventWheel(clock.steadyMs()),
    told: createPairQueue(),
    counts: {
      accepted: 0,
      rejected: 0,
      repeats: 0,
      repeats_differing: 0,
      throttled: 0,
      sent: 0,
      parts_sent: 0,
      ended: 0,
      receipts_emitted: 0,
      receipts_answered: 0,
      receipts_given_up: 0,
    },
    isDraining: false,
  } as Partial<Network> as Network;
}
