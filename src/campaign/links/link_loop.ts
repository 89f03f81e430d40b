// One link to a carrier, from its lease to its end: leases chunks, intends, submits, and commits
// what comes back, one transaction at a time. Started by the link manager. A crash at any line
// leaves a lease that runs out; whoever takes it over knows what is in doubt.
import type { CarrierLink, CarrierReceipt, InboundMessage, LinkEnd, LinkEvents, MessageOutcome } from "../../carriers/link.ts";
import type { AnomalyKind } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { errorFields, type Log } from "../../platform/log.ts";
import type { Sql } from "../../platform/postgres.ts";
import { type Deadline, deadlineIn } from "../../platform/time/deadline.ts";
import { nextTurn } from "../../platform/time/next_turn.ts";
import { sleep } from "../../platform/time/sleep.ts";
import type { LeasedChunk } from "../dispatch/chunk_leases.ts";
import { readCampaignText, readPendingMessages, sharedText } from "../dispatch/pending_messages.ts";
import type { CampaignProgress } from "../lifecycle/move_messages.ts";
import { type HeldChunk, HeldChunks, restingIntent } from "./held_chunks.ts";
import { leaseNextChunk, releaseAtRest, reopenUnheld } from "./link_chunks.ts";
import { type CommittedLink, commitLink, type LinkTerms, type LinkWork } from "./link_commit.ts";
import { type LinkLease, restCarrier, showLinkState } from "./link_leases.ts";

export interface LinkLoopOptions {
  sql: Sql;
  lease: LinkLease;
  leaseMs: number;
  /** Time for what is in flight to be answered when the link is closed. */
  drainMs: number;
  terms: LinkTerms;
  log: Log;
  open(events: LinkEvents): CarrierLink;
  /** The carrier has answered; `peer`: how its endpoint identifies itself. */
  onBound(peer: string): void;
  /** Stores a message from a phone. */
  onInbound(message: InboundMessage): Promise<void>;
  onProgress(progress: CampaignProgress): void;
  /** Outbox rows were written. */
  onCharge(): void;
  onAnomalies(anomalies: Partial<Record<AnomalyKind, number>>): void;
  /** The campaign has nothing more to submit here, or may not: its next step may be due. */
  onIdle(bulksmsId: string): void;
}

interface QueuedReceipt {
  receipt: CarrierReceipt;
  resolve(): void;
  reject(error: unknown): void;
}

/** Receipts of one commit. */
const receiptsPerCommitMax = 1_000;
/** Without being rung, a link asks this often whether there are chunks for it. */
const pollMs = 1_000;
/** After a commit that failed. */
const errorPauseMs = 300;
/** A minute and more, with the time that each attempt takes. */
const lateCommitsMax = 200;

export class LinkLoop {
  readonly #options: LinkLoopOptions;
  readonly #held: HeldChunks;
  readonly #link: CarrierLink;
  #leaseEnd: Deadline;
  /** Until when the carrier rests, as the last commit has read it; null: it does not. */
  #restEnd: Deadline | null = null;
  #receipts: QueuedReceipt[] = [];
  #end: LinkEnd | null = null;
  #isStopping = false;
  #isLost = false;
  #isOver = false;
  #mayHaveWork = true;
  #polledAtMs = 0;
  #lastCampaign: string | null = null;
  #wake: () => void = () => {};
  #isWoken = false;
  #late: Promise<void> = Promise.resolve();

  constructor(options: LinkLoopOptions) {
    this.#options = options;
    this.#held = new HeldChunks(options.terms.window);
    this.#leaseEnd = deadlineIn(options.leaseMs);
    this.#link = options.open(this.#events());
    void this.#link.ended.then((end) => {
      this.#end = end;
      this.ring();
    });
  }

  /** There may be chunks for the link. Never waits. */
  ring(): void {
    this.#mayHaveWork = true;
    this.#rouse();
  }

  /** Submits nothing more; `run` then drains, records and resolves. */
  stop(): void {
    this.#isStopping = true;
    this.#rouse();
  }

  /** Until the link is over, the lease is lost, or `stop`. @returns how the link ended */
  async run(): Promise<LinkEnd> {
    reachFailpoint("link_taken");
    while (this.#end === null && !this.#isStopping && !this.#isLost) {
      await this.#waitForWork();
      await nextTurn(); // what has arrived by now shares the commit
      await this.#leaseMore().catch((error: unknown) => this.#logFailure(error));
      await this.#commit(null);
      this.#submit();
    }
    await this.#windDown();
    return this.#end ?? { reason: "closed", description: this.#isLost ? "another worker holds the link" : "closed" };
  }

  #events(): LinkEvents {
    return {
      onCapacity: () => this.#submit(),
      onReceipt: (receipt) =>
        new Promise((resolve, reject) => {
          this.#receipts.push({ receipt, resolve, reject });
          this.#rouse();
          if (this.#isOver) this.#commitLate();
        }),
      onInbound: (message) => this.#options.onInbound(message),
      onState: (state) => {
        if (state.kind === "bound") this.#options.onBound(state.peer ?? "");
        const { sql, lease } = this.#options;
        if (state.kind === "resting")
          void restCarrier(sql, lease.carrierId, state.forMs, state.reason).catch((error: unknown) => this.#logFailure(error));
        void showLinkState(sql, lease, state).catch((error: unknown) => this.#logFailure(error));
      },
    };
  }

  #rouse(): void {
    this.#isWoken = true;
    this.#wake();
  }

  async #waitForWork(): Promise<void> {
    const isBusy = this.#held.outcomes.length > 0 || this.#receipts.length > 0;
    if (!isBusy && !this.#isWoken) {
      const roused = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([roused, sleep(Math.min(pollMs, this.#options.leaseMs / 3, this.#restEnd?.leftMs() ?? pollMs))]);
    }
    this.#isWoken = false;
  }

  /** Chunks enough that a window is always intended ahead. */
  async #leaseMore(): Promise<void> {
    const { sql, lease, leaseMs, terms } = this.#options;
    const isPollDue = performance.now() - this.#polledAtMs >= pollMs;
    if (this.#isStopping || this.#end !== null || !(this.#mayHaveWork || isPollDue)) return;
    this.#polledAtMs = performance.now();
    // a lease whose answer was lost, or whose rows could not be read
    await reopenUnheld(
      sql,
      lease,
      this.#held.chunks.map(({ chunk }) => chunk),
    );
    while (this.#held.unintended() < terms.window) {
      const chunk = await leaseNextChunk(sql, lease, leaseMs, this.#lastCampaign);
      this.#mayHaveWork = chunk !== null;
      if (chunk === null) return;
      this.#lastCampaign = chunk.bulksmsId;
      await this.#hold(chunk);
    }
  }

  async #hold(chunk: LeasedChunk): Promise<void> {
    const { sql, lease } = this.#options;
    const text = await readCampaignText(sql, chunk.bulksmsId, lease.carrierId);
    if (text === null) return releaseAtRest(sql, chunk, chunk.lastRow);
    const messages = await readPendingMessages(sql, chunk, text);
    const shared = sharedText(text).text ?? "";
    const rows = messages.map(({ row_no, to, text: own }) => ({ rowNo: row_no, phone: to.slice(1), text: own ?? shared }));
    this.#held.add(chunk, text.sender, rows);
  }

  /** One turn of the closed loop. What could not be committed comes again with the next turn. */
  async #commit(doubt: LinkWork["doubt"]): Promise<boolean> {
    const { sql, lease, leaseMs, terms } = this.#options;
    const outcomes = this.#held.outcomes;
    const receipts = this.#receipts.slice(0, receiptsPerCommitMax);
    const complete = this.#held.chunks.filter(({ rows }) => rows.every(({ state }) => state === "recorded" || state === "answered"));
    const isRenewal = this.#leaseEnd.leftMs() < (leaseMs * 2) / 3 || this.#isRestOver();
    const intents = this.#isStopping || this.#end !== null ? [] : this.#nextIntents(complete, isRenewal);
    if (outcomes.length + receipts.length + complete.length + intents.length === 0 && doubt === null && !isRenewal) return true;
    if (outcomes.length > 0) reachFailpoint("link_answered");
    this.#held.outcomes = [];
    const leaseEnd = deadlineIn(leaseMs);
    const work = {
      outcomes,
      doubt,
      receipts: receipts.map(({ receipt }) => receipt),
      intents,
      complete,
      renewed: isRenewal ? [...this.#held.chunks] : [],
      isRenewal,
    };
    this.#held.ask(intents);
    let committed: CommittedLink;
    try {
      committed = await commitLink(sql, lease, leaseMs, terms, work);
    } catch (error) {
      this.#held.outcomes = [...outcomes, ...this.#held.outcomes];
      // the carrier repeats them
      for (const { reject } of this.#receipts.splice(0, receipts.length)) reject(error);
      this.#logFailure(error);
      await sleep(errorPauseMs);
      return false;
    }
    if (committed.lease === "renewed") this.#leaseEnd = leaseEnd;
    if (committed.restMs !== null) this.#restEnd = committed.restMs > 0 ? deadlineIn(committed.restMs) : null;
    await this.#afterCommit(work, receipts, committed);
    return true;
  }

  /** Whether it has ended is read again: another link may have prolonged it. */
  #isRestOver(): boolean {
    return this.#restEnd?.isOver() === true;
  }

  /** New intents; of all chunks when leases are renewed, so that a pause or cancel is noticed. */
  #nextIntents(complete: readonly HeldChunk[], isRenewal: boolean): LinkWork["intents"] {
    const next = this.#held.nextIntents();
    if (!isRenewal) return next;
    const others = this.#held.chunks.filter(
      (held) => !held.isEnding && !complete.includes(held) && !next.some((intent) => intent.held === held),
    );
    return [...next, ...others.map((held) => ({ held, intentTo: held.intentTo }))];
  }

  async #afterCommit(work: LinkWork, receipts: QueuedReceipt[], committed: CommittedLink): Promise<void> {
    const { onProgress, onCharge, onAnomalies, onIdle } = this.#options;
    this.#held.record(work.outcomes);
    reachFailpoint("link_recorded");
    for (const { resolve } of this.#receipts.splice(0, receipts.length)) resolve();
    if (committed.lease === "lost") this.#isLost = true;
    for (const { held, intentTo } of work.intents) {
      const granted = committed.granted.get(held);
      if (granted === undefined) held.isEnding = true;
      else this.#held.grant(held, intentTo, granted);
    }
    if (committed.granted.size > 0) reachFailpoint("link_intended");
    if (this.#held.nextIntents().length > 0) this.#rouse();
    for (const progress of committed.changed) onProgress(progress);
    if (committed.hasCharge) onCharge();
    onAnomalies(committed.anomalies);
    for (const held of [...this.#held.chunks]) {
      const isDone = work.complete.includes(held);
      if (!isDone && !(held.isEnding && this.#held.isAtRest(held))) continue;
      held.isEnding = true;
      // also a chunk that is complete: a cancel may have raised its attempt, so it is not done
      if (!(await this.#release(held))) continue;
      this.#held.drop(held);
      onIdle(held.bulksmsId);
    }
  }

  /** One that cannot be given back stays in hand, and counted: the next turn tries it again. */
  async #release(held: HeldChunk): Promise<boolean> {
    try {
      await releaseAtRest(this.#options.sql, held.chunk, restingIntent(held));
      return true;
    } catch (error) {
      this.#logFailure(error);
      return false;
    }
  }

  /** Hands over what is intended, as far as the carrier takes it. */
  #submit(): void {
    if (this.#isStopping || this.#isLost || this.#end !== null || this.#leaseEnd.isOver() || this.#restEnd !== null) return;
    const taken = this.#held.takeSubmittable(this.#link.capacity());
    if (taken.length === 0) return;
    const messages = taken.map(({ key, held, row }) => ({
      key,
      reference: `${held.bulksmsId}.${row.rowNo}.1`,
      phone: row.phone,
      sender: held.sender,
      text: row.text,
      validUntilMs: held.validUntilMs,
    }));
    this.#link.submit(messages, (key, outcome) => this.#onOutcome(key, outcome));
    reachFailpoint("link_submitted");
  }

  #onOutcome(key: number, outcome: MessageOutcome): void {
    if (!this.#held.settle(key, outcome)) return;
    if (this.#isOver) this.#commitLate();
    else this.#rouse();
  }

  /** What comes while the link closes is recorded meanwhile: receipts in hand wait for it. */
  async #drain(): Promise<void> {
    let isClosed = false;
    const closing = this.#link.close(this.#options.drainMs).finally(() => {
      isClosed = true;
      this.#rouse();
    });
    while (!isClosed) {
      await this.#waitForWork();
      await this.#commit(null);
    }
    await closing;
  }

  /** Drains, records, names what is in doubt, gives the chunks back. */
  async #windDown(): Promise<void> {
    if (this.#end === null) await this.#drain();
    const end = await this.#link.ended;
    for (const held of this.#held.chunks) held.isEnding = true;
    const inDoubt = this.#held.inDoubt();
    const kind = end.reason === "timed_out" ? "timed_out" : "cut";
    // once the lease has run out, whoever takes the link over writes the doubt
    while (!(await this.#commit(inDoubt.length > 0 && !this.#isLost ? { kind, chunks: inDoubt } : null))) {
      if (this.#leaseEnd.isOver()) break;
    }
    if (!this.#isLost && !this.#leaseEnd.isOver()) {
      for (const held of this.#held.chunks) {
        await this.#release(held);
        this.#options.onIdle(held.bulksmsId);
      }
    }
    this.#isOver = true;
    if (this.#receipts.length > 0 || this.#held.outcomes.length > 0) this.#commitLate();
    await this.#late;
  }

  /** Answers that come after the end are facts all the same, also when the database is away. */
  #commitLate(): void {
    this.#late = this.#late.then(async () => {
      for (let attempt = 1; attempt <= lateCommitsMax && !(await this.#commit(null)); attempt++);
    });
  }

  #logFailure(error: unknown): void {
    const { carrierId, slot } = this.#options.lease;
    this.#options.log.warn({ event: "link.failed", carrierId, slot, ...errorFields(error) });
  }
}
