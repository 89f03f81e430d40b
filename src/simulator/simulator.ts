// The simulated network: takes batches, sends them into a network of plans (plan.ts), tells
// receipts. Joins the journal, the wheel of coming steps and the callbacks. Called by
// nodes/simulator.
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../contracts/errors.ts";
import type { CarrierErrorCode, SubmitResponse } from "../contracts/receipts.ts";
import {
  type JournalSubmit,
  journalEnds,
  journalErrorCodes,
  numberMark,
  receiptStatusOf,
  type SimulatorProfileName,
  segmentRows,
} from "../contracts/simulator_journal.ts";
import type { SimulatorWeather } from "../contracts/simulator_weather.ts";
import { reachFailpoint } from "../platform/failpoint.ts";
import { createPairQueue, type Pairs } from "../webhooks/pair_queue.ts";
import { type Callbacks, createCallbacks } from "../webhooks/sender.ts";
import { createClock, type SimulatorClock } from "./clock.ts";
import { createEventWheel, tickMs } from "./event_wheel.ts";
import { lockFolder } from "./folder_lock.ts";
import { forcedOutcomeOf } from "./forced_outcomes.ts";
import { createJournal, type Journal, type OpenSegment } from "./journal.ts";
import { answerDelayMs, delaysOf, fateOf } from "./plan.ts";
import { simulatorProfiles } from "./profiles.ts";
import { chanceStream } from "./random.ts";
import { type BatchStatistics, batchStatistics, type MessageFate, messageFate } from "./reads.ts";
import { createReceiptText } from "./receipt_text.ts";
import { flag, type Segment } from "./segment.ts";
import { bodySegmentsMax, readSubmit, type Submit, type SubmitMessage } from "./submit.ts";
import { createTokenBucket } from "./token_bucket.ts";
import { openWeather, type Weather, type WeatherCounts, type WeatheredReceipt } from "./weather.ts";
import { openStrays, type StrayCounts, type Strays } from "./weather_strays.ts";

/**
 * Messages with something to come: about 60 bytes each in memory; above it a submit is asked to
 * come later.
 */
const unfinishedMax = 10_000_000;
const overloadedRetryS = 5;
/**
 * With so many receipts without their 2xx a submit is taken later, up to `submitHoldMaxMs`, far
 * inside any sender's patience: a sender that is quicker than the receiver would only fill our
 * memory, and its rows would be cold in its database by the time their receipts come.
 */
const receiptsWaitingMax = 100_000;
const submitHoldMaxMs = 300;
const submitHoldPollMs = 5;
/** Steps taken in one turn of the event loop: a few milliseconds. */
const stepsPerTurn = 4_096;
/**
 * A receipt is retried until valid_until, the horizon, and this: a receiver that was away longer
 * still hears of the end, as `late`.
 */
export const giveUpMarginMs = 24 * 3_600_000;
/** A validity beyond this is cut: real networks keep a message for days. */
const validityMsMax = 8 * 24 * 3_600_000;
/** The answer to a submit waits for its early receipts, and no longer than this. */
const earlyHeadStartMs = 250;
const earlyPollMs = 2;

const errorNumbers = new Map<CarrierErrorCode | null, number>(journalErrorCodes.map((code, index) => [code, index]));
const endNumber = {
  failed: journalEnds.indexOf("failed"),
  undelivered: journalEnds.indexOf("undelivered"),
  delivered: journalEnds.indexOf("delivered"),
};

/** The steps of a message, in order. `again`: a duplicated receipt. */
const steps = { queue: 1, send: 2, end: 3, again: 4 } as const;
type Step = (typeof steps)[keyof typeof steps];
/** Steps 5 to 7: tell receipt 1 to 3, which the weather has put off. */
const tellLaterStep = 4;

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

export interface Simulator {
  /** Takes up every unfinished message of the journal. */
  start(): Promise<void>;
  /**
   * Journals the verdicts, then answers. @throws AppError rate_limited, overloaded, draining, or of
   * readSubmit: without effect.
   */
  submit(body: unknown): Promise<SubmitResponse>;
  /** @throws AppError message_not_found */
  message(reference: string): Promise<MessageFate>;
  /** From the journal: all that was ever said of the batch. */
  batch(batchId: string): Promise<BatchStatistics>;
  /**
   * Receipt weather (contracts/simulator_weather.ts): what is set, and what it has done since the
   * process started.
   */
  weather(): { weather: SimulatorWeather; happened: WeatherCounts; strays: StrayCounts };
  /** On disk when it resolves, so that it outlives a crash. */
  setWeather(next: SimulatorWeather): Promise<void>;
  counts(): SimulatorCounts;
  gauges(): { unfinished: number; steps: number; receipts_pending: number; segments_in_memory: number };
  stop(): Promise<void>;
}

export function createSimulator(options: SimulatorOptions): Simulator {
  const clock = options.clock ?? createClock();
  const profile = simulatorProfiles[options.profile];
  const bucket = createTokenBucket(Math.ceil(options.partsPerSecond / profile.slowdown), () => performance.now());
  const wheel = createEventWheel(clock.steadyMs());
  const told = createPairQueue();
  const receiptOf = createReceiptText();
  const counts: SimulatorCounts = {
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
  };
  let isDraining = false;
  let turnTimer: NodeJS.Timeout | null = null;
  let turning: Promise<void> | null = null;
  let isTurnWanted = false;
  let unlock: (() => Promise<void>) | null = null;
  // opened by start, before the journal, which tells receipts at once
  let weather!: Weather;
  let strays!: Strays;
  const journal: Journal = createJournal({ folder: options.folder, onResume: resume, onFatal: options.onFatal });
  const callbacks: Callbacks = createCallbacks({
    url: options.receiptsUrl,
    secret: options.receiptSecret,
    receiptsPerBody: options.receiptsPerBody,
    concurrency: options.callbackConcurrency,
    pipelining: options.callbackPipelining,
    renderer: beginBody,
    done: receiptDone,
    onBodyTaken: (headers, text) => strays.onBodyTaken(headers, text),
    onAttempt: options.onCallback ?? (() => {}),
  });

  async function submit(body: unknown): Promise<SubmitResponse> {
    const request = readSubmit(body);
    if (isDraining) throw drains();
    if (journal.unfinished() > unfinishedMax) {
      throw new AppError("overloaded", "Too many messages are under way; ask again later.", { retryAfterS: overloadedRetryS });
    }
    const segmentNos = segmentsOf(request);
    await untilReceiverFollows();
    if (isDraining) throw drains();
    const waitS = bucket.take(request.parts);
    if (waitS > 0) {
      counts.throttled += 1;
      throw new AppError("rate_limited", `More than ${options.partsPerSecond} parts a second.`, { retryAfterS: waitS });
    }
    const opened = await openSegments(request.batchId, segmentNos);
    try {
      const verdict = applySubmit(request, opened);
      reachFailpoint("verdict_unjournaled");
      await journal.commit();
      reachFailpoint("verdict_journaled");
      await tellEarly(verdict.fresh);
      const answerInMs = verdict.answerAtMs - clock.steadyMs();
      if (answerInMs > 0) await sleep(answerInMs);
      beginPlans(verdict.fresh);
      return { batch_id: request.batchId, accepted: request.messages.length - verdict.rejected.length, rejected: verdict.rejected };
    } finally {
      for (const { segment } of opened.values()) segment.uses -= 1;
    }
  }

  async function untilReceiverFollows(): Promise<void> {
    const limitMs = performance.now() + submitHoldMaxMs;
    while (callbacks.pending() > receiptsWaitingMax && performance.now() < limitMs && !isDraining) await sleep(submitHoldPollMs);
  }

  async function openSegments(batchId: string, segmentNos: ReadonlySet<number>): Promise<Map<number, OpenSegment>> {
    const opened = new Map<number, OpenSegment>();
    try {
      for (const segmentNo of segmentNos) opened.set(segmentNo, await journal.use(batchId, segmentNo));
    } catch (error) {
      for (const { segment } of opened.values()) segment.uses -= 1;
      throw error;
    }
    return opened;
  }

  interface FreshMessage {
    open: OpenSegment;
    slot: number;
    isEarly: boolean;
  }

  /** Verdicts of one body, in one go without waiting: in memory and in the journal's next block. */
  function applySubmit(request: Submit, opened: Map<number, OpenSegment>) {
    const firstRow = (request.messages[0] as SubmitMessage).rowNo;
    const stream = chanceStream(options.seed, request.batchId);
    const receivedAtMs = clock.wallMs();
    const answerInMs = answerDelayMs(profile, stream, firstRow, options.speed);
    const submitted: JournalSubmit = {
      profile: options.profile,
      seed: options.seed,
      speed: options.speed,
      atMs: receivedAtMs + answerInMs,
      steadyAtMs: clock.steadyMs() + answerInMs,
      boot: clock.boot,
      validUntilMs: Math.min(request.validUntilMs, receivedAtMs + validityMsMax),
    };
    const rejected: SubmitResponse["rejected"] = [];
    const fresh: FreshMessage[] = [];
    const isWithTerms = new Set<OpenSegment>();
    for (const message of request.messages) {
      const open = opened.get(Math.floor(message.rowNo / segmentRows)) as OpenSegment;
      const { segment } = open;
      let slot = segment.find(message.rowNo % segmentRows);
      if (slot !== -1) {
        repeatVerdict(open, slot, message);
      } else {
        if (!isWithTerms.has(open)) {
          isWithTerms.add(open);
          segment.addTerms(submitted);
          open.block.submit(submitted);
        }
        const forced = forcedOutcomeOf(message.to);
        const fate = fateOf(profile, stream, message.rowNo, forced);
        slot = firstVerdict(open, message, forced, fate.end === "rejected" ? fate.code : null);
        if (fate.end !== "rejected") fresh.push({ open, slot, isEarly: fate.isEarly || weather.isEarly(stream, message.rowNo) });
      }
      if (segment.is(slot, flag.rejected)) {
        rejected.push({ row_no: message.rowNo, error_code: journalErrorCodes[segment.codes[slot] as number] ?? "network_failure" });
      }
    }
    for (const open of opened.values()) journal.touch(open);
    return { rejected, fresh, answerAtMs: submitted.steadyAtMs };
  }

  function firstVerdict({ segment, block }: OpenSegment, message: SubmitMessage, forced: number, code: CarrierErrorCode | null): number {
    const row = message.rowNo % segmentRows;
    const { parts, digestLow, digestHigh } = message;
    if (code === null) {
      counts.accepted += 1;
      block.accepted(row, parts, digestLow, digestHigh, forced, numberMark(message.to));
      return segment.add(row, parts, digestLow, digestHigh, forced, null);
    }
    counts.rejected += 1;
    const number = errorNumbers.get(code) as number;
    block.rejected(row, parts, digestLow, digestHigh, number, numberMark(message.to));
    return segment.add(row, parts, digestLow, digestHigh, forced, number);
  }

  function repeatVerdict({ segment, block }: OpenSegment, slot: number, message: SubmitMessage): void {
    const isSame = segment.digestsLow[slot] === message.digestLow && segment.digestsHigh[slot] === message.digestHigh;
    counts.repeats += 1;
    if (!isSame) counts.repeats_differing += 1;
    block.repeat(message.rowNo % segmentRows, isSame);
    segment.markRepeat(slot, isSame);
  }

  /**
   * Some messages' first receipt comes before the answer to their submit: the verdict is on disk,
   * so it may.
   */
  async function tellEarly(fresh: readonly FreshMessage[]): Promise<void> {
    const early = fresh.filter(({ isEarly }) => isEarly);
    if (early.length === 0) return;
    for (const { open, slot } of early) runSteps(open, slot, steps.queue, clock.steadyMs());
    turn();
    const limitMs = performance.now() + earlyHeadStartMs;
    const isOneUnsent = (): boolean => early.some(({ open, slot }) => ![1, 2, 3].some((no) => open.segment.isAnswered(slot, no)));
    while (isOneUnsent() && performance.now() < limitMs && !isDraining) await sleep(earlyPollMs);
  }

  /** All others go their way from the answer on. */
  function beginPlans(fresh: readonly FreshMessage[]): void {
    const now = clock.steadyMs();
    for (const { open, slot, isEarly } of fresh) if (!isEarly) schedule(open.segment, slot, steps.queue, now);
    turn();
  }

  /** Does a step and those after it that are due too. */
  function runSteps(open: OpenSegment, slot: number, first: Step, now: number): void {
    for (let step: Step | null = first; step !== null; ) {
      step = runStep(open, slot, step, now);
      if (step === null) return;
      if (dueMs(open.segment, slot, step) > now) {
        schedule(open.segment, slot, step, now);
        return;
      }
    }
  }

  /** One step of a message's life; answers the next one. */
  function runStep(open: OpenSegment, slot: number, step: Step, now: number): Step | null {
    const { segment } = open;
    const terms = segment.submitOf(slot);
    const fate = segment.fate(slot);
    const last = fate.duplicateNo === 0 ? null : steps.again;
    switch (step) {
      case steps.queue:
        if (fate.reorderedNo !== 1) tell(segment, slot, 1);
        return steps.send;
      case steps.send: {
        // never sent after valid_until, whenever that comes about: then it failed, and costs
        // nothing
        const isTooLate = clock.wallMs() > terms.validUntilMs;
        if (isTooLate || fate.end === "failed") end(open, slot, "failed", isTooLate ? "expired_in_network" : fate.code, now);
        else send(open, slot, fate.end === "never", now);
        const isFailed = segment.is(slot, flag.ended);
        if (fate.reorderedNo !== 2 || isFailed) tell(segment, slot, 2);
        if (fate.reorderedNo === 1) tell(segment, slot, 1);
        return isFailed || fate.end === "never" ? last : steps.end;
      }
      case steps.end: {
        const isExpired = plannedEndMs(segment, slot) > terms.validUntilMs;
        if (fate.end === "delivered" && !isExpired) end(open, slot, "delivered", null, now);
        else end(open, slot, "undelivered", isExpired ? "expired_in_network" : fate.code, now);
        tell(segment, slot, 3);
        if (fate.reorderedNo === 2) tell(segment, slot, 2);
        return last;
      }
      case steps.again: {
        const wasThirdEmitted = segment.is(slot, flag.sent) && segment.is(slot, flag.ended);
        tell(segment, slot, fate.duplicateNo === 3 && !wasThirdEmitted ? 2 : fate.duplicateNo);
        return null;
      }
    }
  }

  function send(open: OpenSegment, slot: number, isNever: boolean, now: number): void {
    const { segment, block } = open;
    reachFailpoint("sending_begins");
    const deltaMs = deltaOf(segment, slot, now);
    segment.markSent(slot, deltaMs, isNever);
    block.sent(segment.rows[slot] as number, deltaMs);
    journal.touch(open);
    counts.sent += 1;
    counts.parts_sent += segment.parts[slot] as number;
  }

  function end(open: OpenSegment, slot: number, to: keyof typeof endNumber, code: CarrierErrorCode | null, now: number): void {
    const { segment, block } = open;
    const deltaMs = deltaOf(segment, slot, now);
    const codeNumber = errorNumbers.get(code) as number;
    segment.markEnded(slot, deltaMs, endNumber[to], codeNumber);
    block.ended(segment.rows[slot] as number, deltaMs, endNumber[to], codeNumber);
    journal.touch(open);
    counts.ended += 1;
  }

  /** Tells a receipt as the weather lets it: now, later, several times, never. */
  function tell(segment: Segment, slot: number, receiptNo: number): void {
    if (segment.isLost(slot, receiptNo)) return;
    if (weather.isClear()) {
      tellNow(segment, slot, receiptNo);
      return;
    }
    const now = clock.steadyMs();
    const times = weather.timesOf(weatheredReceipt(segment, slot, receiptNo), now);
    if (times.length === 0) {
      const open = journal.byHandle(segment.handle);
      segment.markLost(slot, receiptNo);
      open.block.lost(segment.rows[slot] as number, receiptNo);
      journal.touch(open);
    }
    for (const atMs of times) {
      if (atMs <= now) {
        tellNow(segment, slot, receiptNo);
        continue;
      }
      segment.uses += 1;
      wheel.put(atMs, segment.handle, (slot << 3) | (tellLaterStep + receiptNo));
    }
  }

  function weatheredReceipt(segment: Segment, slot: number, receiptNo: number): WeatheredReceipt {
    const { stream, validUntilMs } = segment.submitOf(slot);
    const closesInMs = validUntilMs + options.receiptHorizonMs - clock.wallMs();
    return { stream, rowNo: segment.rowNo(slot), receiptNo, closesAtMs: clock.steadyMs() + closesInMs };
  }

  /** Queues a receipt; it goes out when the journal's next commit has been made. */
  function tellNow(segment: Segment, slot: number, receiptNo: number): void {
    segment.uses += 1;
    told.push(segment.handle, (slot << 2) | receiptNo);
    counts.receipts_emitted += 1;
  }

  function schedule(segment: Segment, slot: number, step: Step, now: number): void {
    segment.uses += 1;
    wheel.put(Math.max(now, dueMs(segment, slot, step)), segment.handle, (slot << 3) | step);
  }

  function plannedEndMs(segment: Segment, slot: number): number {
    const terms = segment.submitOf(slot);
    if (terms.speed === Number.POSITIVE_INFINITY) return terms.atMs;
    const delays = delaysOf(simulatorProfiles[terms.profile], terms.stream, segment.rowNo(slot), segment.fate(slot));
    return terms.atMs + delays.endedMs / terms.speed;
  }

  /** By the steady clock. */
  function dueMs(segment: Segment, slot: number, step: Step): number {
    const terms = segment.submitOf(slot);
    const { beginMs, speed } = terms;
    if (speed === Number.POSITIVE_INFINITY) return beginMs;
    const delays = delaysOf(simulatorProfiles[terms.profile], terms.stream, segment.rowNo(slot), segment.fate(slot));
    switch (step) {
      case steps.queue:
        return beginMs + delays.queuedMs / speed;
      case steps.send:
        return beginMs + delays.sentMs / speed;
      case steps.end:
        // the network keeps trying until the validity ends
        return beginMs + Math.min(delays.endedMs / speed, Math.max(terms.validUntilMs - terms.atMs, delays.sentMs / speed));
      case steps.again:
        return beginMs + delays.duplicateMs / speed;
    }
  }

  /**
   * Takes up a message that came from the journal where it stood: receipts without their 2xx again,
   * the next step when it is due.
   */
  function resume(open: OpenSegment): void {
    const { segment } = open;
    segment.takeUp(clock);
    const now = clock.steadyMs();
    for (let slot = 0; slot < segment.slots; slot++) {
      if (segment.isFinished(slot)) continue;
      const isSent = segment.is(slot, flag.sent);
      const isEnded = segment.is(slot, flag.ended);
      const isQueuedEmitted = isSent || isEnded || segment.isAnswered(slot, 1);
      if (isQueuedEmitted && !segment.isAnswered(slot, 1)) tell(segment, slot, 1);
      if ((isSent || isEnded) && !segment.isAnswered(slot, 2)) tell(segment, slot, 2);
      if (isSent && isEnded && !segment.isAnswered(slot, 3)) tell(segment, slot, 3);
      const next = isEnded || segment.is(slot, flag.never) ? null : isSent ? steps.end : isQueuedEmitted ? steps.send : steps.queue;
      if (next !== null) schedule(segment, slot, next, now);
    }
  }

  /** Turns do not overlap: what comes due meanwhile forms the next one. */
  function turn(): void {
    isTurnWanted = true;
    turning ??= runTurns()
      .catch(options.onFatal)
      .finally(() => {
        turning = null;
      });
  }

  /** Due steps, their commit, then their receipts. */
  async function runTurns(): Promise<void> {
    while (isTurnWanted && !isDraining) {
      isTurnWanted = false;
      const now = clock.steadyMs();
      const taken = wheel.take(now, stepsPerTurn, (handle, what) => runDueStep(handle, what, now));
      const tellings = told.size();
      if (tellings > 0) {
        await journal.commit();
        reachFailpoint("sending_journaled");
        release(tellings);
      }
      if (weather.held() > 0) pushOut(weather.letOut(now));
      if (taken === stepsPerTurn) {
        isTurnWanted = true;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  function runDueStep(handle: number, what: number, now: number): void {
    const open = journal.byHandle(handle);
    const step = what & 7;
    if (step > tellLaterStep) tellNow(open.segment, what >>> 3, step - tellLaterStep);
    else runSteps(open, what >>> 3, step as Step, now);
    open.segment.uses -= 1;
  }

  function release(tellings: number): void {
    const pairs = told.take(tellings);
    if (weather.read().burst === undefined) pushOut(pairs);
    else for (let at = 0; at < pairs.owners.length; at++) weather.hold(pairs.owners[at] as number, pairs.whats[at] as number);
  }

  function pushOut({ owners, whats }: Pairs): void {
    for (let at = 0; at < owners.length; at++) {
      const owner = owners[at] as number;
      const what = whats[at] as number;
      const { segment } = journal.byHandle(owner);
      callbacks.push(segment.rowNo(what >>> 2), owner, what);
    }
    callbacks.flush();
  }

  function beginBody(): (owner: number, what: number) => { id: string; json: string } | null {
    const now = clock.wallMs();
    return (owner, what) => {
      const { segment } = journal.byHandle(owner);
      const slot = what >>> 2;
      if (segment.is(slot, flag.gaveUp)) return null;
      const terms = segment.submitOf(slot);
      if (now > terms.validUntilMs + options.receiptHorizonMs + giveUpMarginMs) return null;
      return receiptOf(segment, slot, what & 3);
    };
  }

  function receiptDone(owner: number, what: number, isAnswered: boolean): void {
    const open = journal.byHandle(owner);
    const { segment, block } = open;
    const slot = what >>> 2;
    const row = segment.rows[slot] as number;
    segment.uses -= 1;
    if (isAnswered) {
      counts.receipts_answered += 1;
      // a duplicated one has its mark already
      if (segment.isAnswered(slot, what & 3)) return;
      segment.markAnswered(slot, what & 3);
      if (!weather.isClear()) makeUpStrays(segment, slot, what & 3);
      block.answered(row, what & 3);
    } else {
      counts.receipts_given_up += 1;
      if (segment.is(slot, flag.gaveUp)) return;
      segment.markGaveUp(slot);
      block.gaveUp(row);
    }
    journal.touch(open, true);
  }

  function makeUpStrays(segment: Segment, slot: number, receiptNo: number): void {
    const end = journalEnds[segment.ends[slot] as number] ?? null;
    const status = receiptStatusOf(receiptNo, segment.is(slot, flag.sent), end);
    if (status === null) throw new Error(`receipt ${receiptNo} of a message that has none`);
    const receipt = weatheredReceipt(segment, slot, receiptNo);
    strays.onReceiptTaken(receipt, { batchId: segment.batchId, rowNo: receipt.rowNo, receiptNo, status, isLast: status === end });
  }

  return {
    async start() {
      unlock = await lockFolder(options.folder);
      weather = await openWeather(options.folder);
      strays = await openStrays({
        folder: options.folder,
        weather,
        url: options.receiptsUrl,
        secret: options.receiptSecret,
        nowMs: clock.wallMs,
        onFatal: options.onFatal,
      });
      await journal.open();
      turnTimer = setInterval(turn, tickMs);
    },
    submit,
    message: (reference) => messageFate(journal, reference),
    batch: (batchId) => batchStatistics(journal, batchId),
    weather: () => ({ weather: weather.read(), happened: { ...weather.counts }, strays: strays.counts() }),
    setWeather: (next) => weather.set(next),
    counts: () => ({ ...counts }),
    gauges: () => ({
      unfinished: journal.unfinished(),
      steps: wheel.size(),
      receipts_pending: told.size() + weather.held() + callbacks.pending(),
      segments_in_memory: journal.segmentsInMemory(),
    }),
    async stop() {
      isDraining = true;
      if (turnTimer !== null) clearInterval(turnTimer);
      await turning;
      await Promise.all([callbacks.stop(), strays.stop()]);
      await journal.close();
      await unlock?.();
    },
  };
}

const drains = () => new AppError("draining", "The simulator is shutting down; ask again.", { retryAfterS: 1 });

/** @throws AppError request_invalid */
function segmentsOf({ messages }: Submit): Set<number> {
  const segmentNos = new Set(messages.map(({ rowNo }) => Math.floor(rowNo / segmentRows)));
  if (segmentNos.size <= bodySegmentsMax) return segmentNos;
  throw new AppError(
    "request_invalid",
    `messages: rows too far apart; one body touches at most ${bodySegmentsMax} runs of ${segmentRows} rows`,
  );
}

function deltaOf(segment: Segment, slot: number, now: number): number {
  return Math.min(0xffff_ffff, Math.max(0, Math.round(now - segment.submitOf(slot).beginMs)));
}
