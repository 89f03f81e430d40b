// The state of the doubt model: one campaign with one chunk, one link that two workers may hold,
// and a carrier that sends again whatever it is given again. Read by its steps and its laws.
import { type MessageStatus, messageStatuses } from "../../../../src/contracts/states.ts";
import { createCodec, flags, upTo, type Values, writeAll } from "../codec.ts";

export const rowsMax = 4;
export const doubtGuards = [
  "doubt_window",
  "doubt_on_takeover",
  "doubt_on_cut",
  "dead_link",
  "late_answer",
  "receipt_after_commit",
  "receipt_waits",
  "cancel_above_link_intent",
  "clean_release",
  "link_lease",
] as const;
export type DoubtGuard = (typeof doubtGuards)[number];

export interface Row {
  status: MessageStatus;
  /** The kind of the doubt event that lists it. */
  cause: "none" | "cut" | "crash" | "cancel";
  /** Copies of it in a socket, which the carrier has not read. */
  onWire: number;
  accepts: number;
  charges: number;
  /** Its id is committed. */
  hasId: boolean;
  /** A worker that still lives, or our books, have had an answer that accepts it. */
  isHeard: boolean;
  /** `held`: in the memory of a worker. `lost`: the carrier never sends it. */
  receipt: "none" | "owed" | "held" | "waits" | "applied" | "lost";
  isAcknowledged: boolean;
}

export interface Chain {
  isCanceling: boolean;
  /** 0: nobody; otherwise the worker (number + 1) whose lease it is, expired or not. */
  linkOwner: number;
  isLeaseDead: boolean;
  /** Whose lease the chunk is under, in the same way. */
  chunkOwner: number;
  isChunkDone: boolean;
  intentTo: number;
}

/** Its memory. Rows are bits. */
export interface Holder {
  /** `over`: its link has ended, and the doubt is not written yet. `late`: it is. */
  doing: "nothing" | "holds" | "over" | "late";
  hasChunk: boolean;
  /** No cancel has raised the attempt. */
  isAttempt: boolean;
  /** No further intent is granted: it lets what is in flight be answered. */
  isEnding: boolean;
  intentTo: number;
  /** Not submitted, or certainly without effect. */
  waiting: number;
  inFlight: number;
  /** Answered in the carrier; the answer has not arrived. */
  accepting: number;
  rejecting: number;
  resting: number;
  /** Outcomes that are not committed. */
  accepted: number;
  rejected: number;
}

export interface DoubtChances {
  faults: number;
  cancels: number;
  cuts: number;
  crashes: number;
  freezes: number;
  throttles: number;
  lostReceipts: number;
}

export interface DoubtState {
  rows: Row[];
  chain: Chain;
  workers: Holder[];
  chances: DoubtChances;
}

const rows = upTo(2 ** rowsMax - 1);
const rowValues: Values<Row> = {
  status: messageStatuses,
  cause: ["none", "cut", "crash", "cancel"],
  onWire: upTo(3),
  accepts: upTo(3),
  charges: upTo(3),
  hasId: flags,
  isHeard: flags,
  receipt: ["none", "owed", "held", "waits", "applied", "lost"],
  isAcknowledged: flags,
};
const chainValues: Values<Chain> = {
  isCanceling: flags,
  linkOwner: upTo(2),
  isLeaseDead: flags,
  chunkOwner: upTo(2),
  isChunkDone: flags,
  intentTo: upTo(rowsMax),
};
const holderValues: Values<Holder> = {
  doing: ["nothing", "holds", "over", "late"],
  hasChunk: flags,
  isAttempt: flags,
  isEnding: flags,
  intentTo: upTo(rowsMax),
  waiting: rows,
  inFlight: rows,
  accepting: rows,
  rejecting: rows,
  resting: rows,
  accepted: rows,
  rejected: rows,
};
const few = upTo(3);
const chancesValues: Values<DoubtChances> = {
  faults: few,
  cancels: few,
  cuts: few,
  crashes: few,
  freezes: few,
  throttles: few,
  lostReceipts: few,
};
const codecs = {
  row: createCodec(rowValues),
  chain: createCodec(chainValues),
  holder: createCodec(holderValues),
  chances: createCodec(chancesValues),
};

export const idle: Holder = {
  doing: "nothing",
  hasChunk: false,
  isAttempt: false,
  isEnding: false,
  intentTo: 0,
  waiting: 0,
  inFlight: 0,
  accepting: 0,
  rejecting: 0,
  resting: 0,
  accepted: 0,
  rejected: 0,
};

export function createDoubtCodec(rowCount: number) {
  const { row, chain, holder, chances } = codecs;
  const chainAt = rowCount * row.bytes;
  const workersAt = chainAt + chain.bytes;
  const chancesAt = workersAt + 2 * holder.bytes;
  return {
    stateBytes: chancesAt + chances.bytes,
    encode(state: DoubtState, into: Uint8Array): void {
      writeAll(row, state.rows, into, 0);
      chain.write(state.chain, into, chainAt);
      writeAll(holder, state.workers, into, workersAt);
      chances.write(state.chances, into, chancesAt);
    },
    decode(bytes: Uint8Array): DoubtState {
      return {
        rows: Array.from({ length: rowCount }, (_, index) => row.read(bytes, index * row.bytes)),
        chain: chain.read(bytes, chainAt),
        workers: [0, 1].map((index) => holder.read(bytes, workersAt + index * holder.bytes)),
        chances: chances.read(bytes, chancesAt),
      };
    },
  };
}
