// What every step of the model works with: the active guards, the size, and how a step makes its
// next state.
import { networkEnds } from "../../../src/contracts/simulator_journal.ts";
import type { MessageStatus, ReceiptStatus } from "../../../src/contracts/states.ts";
import { messageSets, messageStatuses } from "../../../src/contracts/states.ts";
import type { GuardName } from "../mutants/list.ts";
import type { Take } from "./explore.ts";
import type { Campaign, Chances, Hold, Message, Size, State, Worker } from "./state.ts";
import { runsMax } from "./state.ts";

/** The next state under construction, or the current state, with the records that steps use. */
export class Records {
  constructor(
    readonly state: State,
    private readonly size: Size,
  ) {}

  campaign(campaign: number): Campaign {
    return this.state.campaigns[campaign] as Campaign;
  }

  hold(campaign: number, run: number): Hold {
    return this.state.holds[campaign * runsMax + run - 1] as Hold;
  }

  message(campaign: number, row: number): Message {
    return this.state.messages[campaign * this.size.messagesPerCampaign + row] as Message;
  }

  messages(campaign: number): Message[] {
    return this.state.messages.slice(campaign * this.size.messagesPerCampaign, (campaign + 1) * this.size.messagesPerCampaign);
  }

  worker(worker: number): Worker {
    return this.state.workers[worker] as Worker;
  }
}

export type Says = () => string;
export type Change = (next: Records) => void;

const commands: ReadonlySet<string> = new Set(["topUps", "pauses", "cancels", "newLists"] satisfies (keyof Chances)[]);

/**
 * One state, and the actors that take its possible steps. A class, because one is made for each of
 * millions of states.
 */
export class World {
  readonly now: Records;

  constructor(
    state: State,
    readonly size: Size,
    /** The guard of the protocol that is missing; null: none. */
    private readonly without: GuardName | null,
    private readonly take: Take<State>,
  ) {
    this.now = new Records(state, size);
  }

  has(guard: GuardName): boolean {
    return guard !== this.without;
  }

  /** A step that somebody takes sooner or later. */
  step(description: Says, change: Change): void {
    const next = copyOf(this.now.state);
    change(new Records(next, this.size));
    this.take("progress", description, next);
  }

  /** A fault or a command, while any of its kind are left. */
  chance(kind: keyof Omit<Chances, "faults">, description: Says, change: Change): void {
    const { chances } = this.now.state;
    const isFault = !commands.has(kind);
    if (chances[kind] === 0 || (isFault && chances.faults === 0)) return;
    const next = copyOf(this.now.state);
    next.chances[kind]--;
    if (isFault && --next.chances.faults === 0) forgetFaults(next);
    change(new Records(next, this.size));
    this.take("chance", description, next);
  }
}

/**
 * When no more faults may happen, it does not matter which ones could have: such states are merged.
 */
function forgetFaults(state: State): void {
  const { topUps, pauses, cancels, newLists } = state.chances;
  state.chances = { ...noChances, topUps, pauses, cancels, newLists };
  for (const worker of state.workers) worker.crashesLeft = 0;
}

export const noChances: Chances = {
  faults: 0,
  silences: 0,
  refusals: 0,
  leasesPassed: 0,
  duplicateReceipts: 0,
  lostReceipts: 0,
  contradictions: 0,
  strayJobs: 0,
  crashes: 0,
  topUps: 0,
  pauses: 0,
  cancels: 0,
  newLists: 0,
};

function copyOf(state: State): State {
  return {
    available: state.available,
    list: state.list,
    campaigns: state.campaigns.map((campaign) => ({ ...campaign })),
    holds: state.holds.map((hold) => ({ ...hold })),
    messages: state.messages.map((message) => ({ ...message })),
    workers: state.workers.map((worker) => ({ ...worker })),
    chances: { ...state.chances },
    memory: { ...state.memory },
  };
}

const ranks = Object.fromEntries(messageStatuses.map((status, rank) => [status, rank])) as Record<MessageStatus, number>;
const finals: ReadonlySet<MessageStatus> = new Set(messageSets.final);
export const isFinal = (status: MessageStatus) => finals.has(status);
export const isAbove = (status: MessageStatus, other: MessageStatus) => ranks[status] > ranks[other];

/**
 * Receipts by their bit in `owed`, `answered` and `kept`. `wrong`: a second final receipt, which
 * contradicts the first.
 */
export const receiptBits = { queued: 1, sent: 2, end: 4, wrong: 8 } as const;
export type ReceiptName = keyof typeof receiptBits;
export const receiptNames = Object.keys(receiptBits) as ReceiptName[];

/** The state that a receipt reports. */
export function wordOf(receipt: ReceiptName, { atCarrier }: Message): ReceiptStatus {
  if (receipt !== "end" && receipt !== "wrong") return receipt;
  const end = networkEnds.find((one) => one === atCarrier) ?? "delivered";
  if (receipt === "end") return end;
  return end === "delivered" ? "failed" : "delivered";
}

/** Rows of a campaign as bits. */
export const rowBits = (rows: number): number[] => [0, 1, 2, 3].filter((row) => (rows & (1 << row)) !== 0);
export const isEnded = (records: Records, campaign: number) => records.messages(campaign).every(({ status }) => isFinal(status));
/** What the messages of a campaign cost together. */
export const costOf = (records: Records, campaign: number) => records.messages(campaign).reduce((sum, { cost }) => sum + cost, 0);
export const hasUnconfirmed = (records: Records, campaign: number) =>
  records.messages(campaign).some(({ charges, confirmed }) => confirmed < charges);
