// The state of the modelled protocol: who knows what at one moment - both databases, the carrier,
// what is in flight between them, and what each process has in memory. Every message has one part,
// which costs 1 by the first price list and 2 by the second. Read by the steps (one file per
// subject), the laws of the model (invariants.ts) and the explorer.
import { type NetworkEnd, networkEnds } from "../../../src/contracts/simulator_journal.ts";
import { type BulksmsStatus, bulksmsStatuses, type MessageStatus, messageStatuses } from "../../../src/contracts/states.ts";
import { type Codec, createCodec, flags, upTo, type Values, writeAll } from "./codec.ts";

export const messagesMax = 4;
export const campaignsMax = 2;
/** A campaign may be run again after a refusal. */
export const runsMax = 2;
/** Price lists; by the n-th a message costs n. */
export const listsMax = 2;

/** salesdb, bulksms and its one chunk; and what is in flight for it. */
export interface Campaign {
  status: BulksmsStatus;
  /** The hold of the current run: 1 or 2; 0: never run. */
  run: number;
  hasRun: boolean;
  /** The price list by which its messages cost; 0: they are being re-priced. */
  list: number;
  /** The list by which they are being re-priced; 0: none. */
  repricing: number;
  /** What its messages cost together, as its row says: the amount of a run. */
  cost: number;
  chunk: "open" | "leased" | "done";
  /** The lease has expired; its holder may not know. */
  isLeaseDead: boolean;
  /** intent_to is the chunk's last row (otherwise none of its rows). */
  isMeant: boolean;
  /**
   * Rows (one bit each) of a body that nobody waits for any more and that can still reach the
   * carrier.
   */
  strayBody: number;
  /** Runs (one bit each) whose reserve nobody waits for any more and that can still reach rpc. */
  strayReserves: number;
}

/** ds: the hold of one run of a campaign. The amount is fixed when the run begins. */
export interface Hold {
  state: "none" | "open" | "released" | "refused" | "tombstone";
  amount: number;
  settled: number;
}

/**
 * A message: its row in salesdb, its fate in the simulator's journal, its charge on the way to the
 * ledger.
 */
export interface Message {
  status: MessageStatus;
  cost: number;
  isMarkedSent: boolean;
  /**
   * `taken`: answered, but not on disk yet (only without the journaled verdict). `silent`: sent,
   * and no final receipt will come.
   */
  atCarrier: "nowhere" | "taken" | "rejected" | "accepted" | "sent" | NetworkEnd | "silent";
  /** How often the carrier accepted it: each time sends it once. */
  accepts: number;
  /** Receipts (one bit each, see receipts.ts) that the carrier still has to deliver. */
  owed: number;
  /** Those that were answered 2xx. */
  answered: number;
  /** Those in receipt_anomaly. */
  kept: number;
  /** Rows of credit_outbox, how many the ledger has, how many are confirmed. */
  charges: number;
  settled: number;
  confirmed: number;
  /** A duplicated settle job: it runs once more, at any time. */
  hasStrayJob: boolean;
}

/**
 * A sales_worker (or a salesapi that runs a campaign): one task in progress, forgotten in a crash.
 */
export interface Worker {
  doing:
    | "nothing"
    | "asks_credit"
    | "has_credit"
    | "was_refused"
    | "gave_back_refused"
    | "gives_back"
    | "leased"
    | "intends"
    | "meant"
    | "answered"
    | "ends"
    | "has_released";
  campaign: number;
  /** The run whose hold it requested or releases. */
  run: number;
  /** Rows of its body, and those of them that the carrier rejected. */
  rows: number;
  rejected: number;
  /** It still holds the lease; the attempt is still that of its lease. */
  isOwner: boolean;
  isAttempt: boolean;
  isFirstTry: boolean;
  isUntouched: boolean;
  crashesLeft: number;
}

/** What may still happen, without any guarantee that it does. */
export interface Chances {
  /** Of all faults together. */
  faults: number;
  silences: number;
  refusals: number;
  leasesPassed: number;
  duplicateReceipts: number;
  lostReceipts: number;
  contradictions: number;
  strayJobs: number;
  crashes: number;
  topUps: number;
  pauses: number;
  cancels: number;
  newLists: number;
}

/** What salesapi has only in memory: always empty, except without the guards that keep it so. */
export interface Memory {
  /** Receipt (bit) of a message (number + 1) that was answered before its commit; 0: none. */
  heldMessage: number;
  heldReceipt: number;
  /** Message (number + 1) whose charge is to be written in a transaction of its own; 0: none. */
  heldCharge: number;
}

export interface State {
  available: number;
  /** ds: version of the newest price list. A salesapi may know only an older one. */
  list: number;
  campaigns: Campaign[];
  /** By campaign, then run: two each. */
  holds: Hold[];
  messages: Message[];
  workers: Worker[];
  chances: Chances;
  memory: Memory;
}

export interface Size {
  campaigns: number;
  messagesPerCampaign: number;
  workers: number;
}

const campaignValues: Values<Campaign> = {
  status: bulksmsStatuses,
  run: upTo(runsMax),
  hasRun: flags,
  list: upTo(listsMax),
  repricing: upTo(listsMax),
  cost: upTo(8),
  chunk: ["open", "leased", "done"],
  isLeaseDead: flags,
  isMeant: flags,
  strayBody: upTo(15),
  strayReserves: upTo(7),
};
const holdValues: Values<Hold> = { state: ["none", "open", "released", "refused", "tombstone"], amount: upTo(8), settled: upTo(8) };
const messageValues: Values<Message> = {
  status: messageStatuses,
  cost: upTo(listsMax),
  isMarkedSent: flags,
  atCarrier: ["nowhere", "taken", "rejected", "accepted", "sent", ...networkEnds, "silent"],
  accepts: upTo(3),
  owed: upTo(15),
  answered: upTo(15),
  kept: upTo(15),
  charges: upTo(3),
  settled: upTo(3),
  confirmed: upTo(3),
  hasStrayJob: flags,
};
const workerValues: Values<Worker> = {
  doing: [
    "nothing",
    "asks_credit",
    "has_credit",
    "was_refused",
    "gave_back_refused",
    "gives_back",
    "leased",
    "intends",
    "meant",
    "answered",
    "ends",
    "has_released",
  ],
  campaign: upTo(campaignsMax - 1),
  run: upTo(runsMax),
  rows: upTo(15),
  rejected: upTo(15),
  isOwner: flags,
  isAttempt: flags,
  isFirstTry: flags,
  isUntouched: flags,
  crashesLeft: upTo(3),
};
const chancesValues: Values<Chances> = {
  faults: upTo(15),
  silences: upTo(3),
  refusals: upTo(3),
  leasesPassed: upTo(3),
  duplicateReceipts: upTo(3),
  lostReceipts: upTo(3),
  contradictions: upTo(3),
  strayJobs: upTo(3),
  crashes: upTo(3),
  topUps: upTo(3),
  pauses: upTo(3),
  cancels: upTo(3),
  newLists: upTo(3),
};
const memoryValues: Values<Memory> = { heldMessage: upTo(messagesMax), heldReceipt: upTo(15), heldCharge: upTo(messagesMax) };

const codecs = {
  campaign: createCodec(campaignValues),
  hold: createCodec(holdValues),
  message: createCodec(messageValues),
  worker: createCodec(workerValues),
  chances: createCodec(chancesValues),
  memory: createCodec(memoryValues),
};

/** A state's bytes: one per field, the same number for all states of one size. */
export function createStateCodec({ campaigns, messagesPerCampaign, workers }: Size) {
  const counts = { campaigns, holds: campaigns * runsMax, messages: campaigns * messagesPerCampaign, workers };
  const stateBytes =
    2 +
    counts.campaigns * codecs.campaign.bytes +
    counts.holds * codecs.hold.bytes +
    counts.messages * codecs.message.bytes +
    counts.workers * codecs.worker.bytes +
    codecs.chances.bytes +
    codecs.memory.bytes;
  return {
    stateBytes,
    encode(state: State, into: Uint8Array): void {
      into[0] = state.available;
      into[1] = state.list;
      let at = writeAll(codecs.campaign, state.campaigns, into, 2);
      at = writeAll(codecs.hold, state.holds, into, at);
      at = writeAll(codecs.message, state.messages, into, at);
      at = writeAll(codecs.worker, state.workers, into, at);
      if (counts.workers === 2) sortPair(into, at - 2 * codecs.worker.bytes, codecs.worker.bytes);
      at = writeAll(codecs.chances, [state.chances], into, at);
      writeAll(codecs.memory, [state.memory], into, at);
    },
    decode(bytes: Uint8Array): State {
      let at = 2;
      const readAll = <Row>(codec: Codec<Row>, count: number): Row[] => {
        const rows = Array.from({ length: count }, (_, index) => codec.read(bytes, at + index * codec.bytes));
        at += count * codec.bytes;
        return rows;
      };
      return {
        available: bytes[0] as number,
        list: bytes[1] as number,
        campaigns: readAll(codecs.campaign, counts.campaigns),
        holds: readAll(codecs.hold, counts.holds),
        messages: readAll(codecs.message, counts.messages),
        workers: readAll(codecs.worker, counts.workers),
        chances: readAll(codecs.chances, 1)[0] as Chances,
        memory: readAll(codecs.memory, 1)[0] as Memory,
      };
    },
  };
}

/**
 * Two workers differ only in what they are doing: states in which they have swapped places are one.
 */
function sortPair(bytes: Uint8Array, begin: number, length: number): void {
  for (let index = begin; index < begin + length; index++) {
    const difference = (bytes[index] as number) - (bytes[index + length] as number);
    if (difference < 0) return;
    if (difference === 0) continue;
    swap(bytes, begin, length);
    return;
  }
}

function swap(bytes: Uint8Array, begin: number, length: number): void {
  const first = bytes.slice(begin, begin + length);
  bytes.copyWithin(begin, begin + length, begin + 2 * length);
  bytes.set(first, begin + length);
}
