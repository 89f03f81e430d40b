// What a link has in hand, in memory: the rows of its chunks, how far they are intended, which are
// in flight, which have an outcome that is not committed yet. Pure bookkeeping: it decides what may
// be intended and submitted, and never forgets a row. Used by the link loop.
import type { MessageOutcome } from "../../carriers/link.ts";
import type { LeasedChunk } from "../dispatch/chunk_leases.ts";

export interface HeldRow {
  rowNo: number;
  phone: string;
  text: string;
  /**
   * `waiting`: not submitted, or certainly without effect. `submitted`: its outcome is awaited.
   * `answered`: its outcome waits for the commit.
   */
  state: "waiting" | "submitted" | "answered" | "recorded";
  /** When its intent was committed; null: it has none yet. */
  intendedAt: Date | null;
}

/** One chunk of a link. */
export interface HeldChunk {
  chunk: LeasedChunk;
  bulksmsId: string;
  sender: string;
  /** Ascending. */
  rows: readonly HeldRow[];
  /** The committed intent: rows up to it may be submitted. */
  intentTo: number;
  /** The highest intent that was ever asked for: the answer to a commit may have been lost. */
  askedTo: number;
  /** Nothing sent after it. 0 before the first intent. */
  validUntilMs: number;
  /** No further intent is granted: paused, canceled, or the lease is lost. */
  isEnding: boolean;
}

/** An answer or certainty about one row, to be committed. */
export interface RowOutcome {
  held: HeldChunk;
  row: HeldRow;
  outcome: Exclude<MessageOutcome, { kind: "throttled" | "not_sent" }>;
}

export class HeldChunks {
  readonly chunks: HeldChunk[] = [];
  /** Outcomes that wait for the next commit. */
  outcomes: RowOutcome[] = [];
  readonly #window: number;
  readonly #inFlight = new Map<number, { held: HeldChunk; row: HeldRow }>();
  #nextKey = 1;

  constructor(window: number) {
    this.#window = window;
  }

  add(chunk: LeasedChunk, sender: string, rows: readonly Pick<HeldRow, "rowNo" | "phone" | "text">[]): HeldChunk {
    const held: HeldChunk = {
      chunk,
      bulksmsId: chunk.bulksmsId,
      sender,
      rows: rows.map((row) => ({ ...row, state: "waiting" as const, intendedAt: null })),
      intentTo: chunk.firstRow - 1,
      askedTo: chunk.firstRow - 1,
      validUntilMs: 0,
      isEnding: false,
    };
    this.chunks.push(held);
    return held;
  }

  drop(held: HeldChunk): void {
    this.chunks.splice(this.chunks.indexOf(held), 1);
  }

  inFlight(): number {
    return this.#inFlight.size;
  }

  /** Rows that no intent covers yet. */
  unintended(): number {
    return this.chunks.reduce((sum, held) => sum + (held.isEnding ? 0 : countAbove(held)), 0);
  }

  /**
   * The next intents: together with what is intended and not recorded, at most two windows over all
   * chunks. A chunk whose intent need not move is left out.
   */
  nextIntents(): { held: HeldChunk; intentTo: number }[] {
    let room = 2 * this.#window - this.chunks.reduce((sum, held) => sum + openIntended(held), 0);
    const intents: { held: HeldChunk; intentTo: number }[] = [];
    for (const held of this.chunks) {
      if (held.isEnding) continue;
      // it may stand already, and is counted: nothing new before it is known
      if (held.askedTo > held.intentTo) {
        intents.push({ held, intentTo: held.askedTo });
        continue;
      }
      if (room <= 0) continue;
      const above = held.rows.filter(({ rowNo, state }) => rowNo > held.intentTo && state === "waiting").slice(0, room);
      const last = above.at(-1);
      if (last === undefined) continue;
      room -= above.length;
      intents.push({ held, intentTo: last.rowNo });
    }
    return intents;
  }

  /** Rows to submit now, oldest chunk first; each counts as submitted from here on. */
  takeSubmittable(most: number): { key: number; held: HeldChunk; row: HeldRow }[] {
    const taken: { key: number; held: HeldChunk; row: HeldRow }[] = [];
    const room = Math.min(most, this.#window - this.#inFlight.size);
    for (const held of this.chunks) {
      if (held.isEnding) continue;
      for (const row of held.rows) {
        if (taken.length >= room) return taken;
        if (row.rowNo > held.intentTo) break;
        if (row.state !== "waiting") continue;
        row.state = "submitted";
        const key = this.#nextKey++;
        this.#inFlight.set(key, { held, row });
        taken.push({ key, held, row });
      }
    }
    return taken;
  }

  /** @returns false: the row had its outcome already, or was given up as being in doubt */
  settle(key: number, outcome: MessageOutcome): boolean {
    const found = this.#inFlight.get(key);
    if (found === undefined) return false;
    this.#inFlight.delete(key);
    const { held, row } = found;
    if (outcome.kind === "throttled" || outcome.kind === "not_sent") {
      row.state = "waiting";
      return true;
    }
    row.state = "answered";
    this.outcomes.push({ held, row, outcome });
    return true;
  }

  /** What a link that is over leaves without an outcome; it stays known for late answers. */
  inDoubt(): { held: HeldChunk; rows: HeldRow[] }[] {
    const byChunk = new Map<HeldChunk, HeldRow[]>();
    for (const { held, row } of this.#inFlight.values()) byChunk.set(held, [...(byChunk.get(held) ?? []), row]);
    return [...byChunk].map(([held, rows]) => ({ held, rows }));
  }

  /** The intents that a commit asks for. */
  ask(intents: readonly { held: HeldChunk; intentTo: number }[]): void {
    for (const { held, intentTo } of intents) held.askedTo = Math.max(held.askedTo, intentTo);
  }

  /** This intent is committed. */
  grant(held: HeldChunk, intentTo: number, { intendedAt, validUntil }: { intendedAt: Date; validUntil: Date }): void {
    for (const row of held.rows) if (row.rowNo > held.intentTo && row.rowNo <= intentTo) row.intendedAt ??= intendedAt;
    held.intentTo = Math.max(held.intentTo, intentTo);
    held.validUntilMs = validUntil.getTime();
  }

  /** These outcomes are committed. */
  record(outcomes: readonly RowOutcome[]): void {
    for (const { row } of outcomes) row.state = "recorded";
  }

  isComplete({ rows }: HeldChunk): boolean {
    return rows.every(({ state }) => state === "recorded");
  }

  /** Nothing of the chunk is with the carrier without a recorded outcome. */
  isAtRest({ rows }: HeldChunk): boolean {
    return rows.every(({ state }) => state === "recorded" || state === "waiting");
  }
}

/**
 * Where the intent goes back to when a chunk at rest is released: before the first row that was
 * certainly not sent.
 */
export function restingIntent({ chunk, rows, intentTo }: Pick<HeldChunk, "chunk" | "rows" | "intentTo">): number {
  const first = rows.find(({ state }) => state === "waiting");
  return first === undefined ? intentTo : Math.max(chunk.firstRow - 1, Math.min(intentTo, first.rowNo - 1));
}

const countAbove = ({ rows, intentTo }: HeldChunk): number =>
  rows.filter(({ rowNo, state }) => rowNo > intentTo && state === "waiting").length;

/** Rows that a crash would leave in doubt. */
const openIntended = ({ rows, askedTo }: HeldChunk): number =>
  rows.filter(({ rowNo, state }) => rowNo <= askedTo && state !== "recorded").length;
