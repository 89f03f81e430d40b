// What becomes of a message and when: a pure function of (seed, profile, reference). Nothing here
// is remembered; a simulator that comes back from a crash works it out again.
import type { CarrierErrorCode } from "../contracts/receipts.ts";
import type { NetworkEnd } from "../contracts/simulator_journal.ts";
import { forcedOutcomes } from "./forced_outcomes.ts";
import { type Cause, rejectedCauses, type SimulatorProfile, undeliveredCauses } from "./profiles.ts";
import { type ChanceStream, draw, drawLogNormal } from "./random.ts";

export interface Fate {
  /**
   * `rejected`: refused at the submit. `failed`: taken, never sent. `never`: sent, and no word of
   * it comes back.
   */
  end: NetworkEnd | "rejected" | "never";
  code: CarrierErrorCode | null;
  /**
   * Attempts of the network that found the phone out of reach; counts into the profile's `retryMs`.
   */
  retries: number;
  /** The first receipt overtakes the submit's answer. */
  isEarly: boolean;
  /** Receipt (1 queued, 2 sent or failed, 3 the end) that is told once more; 0: none. */
  duplicateNo: number;
  /** Receipt that is told only after the one that follows it; 0: none. */
  reorderedNo: number;
}

/** Milliseconds since the submit, at speed 1. */
export interface Delays {
  queuedMs: number;
  /** Sent, or failed. */
  sentMs: number;
  endedMs: number;
  duplicateMs: number;
}

/**
 * Each draw of a row has its own number: a new one is appended, so that the others stay as they
 * were.
 */
const purposes = {
  end: 0,
  cause: 1,
  unreachable: 2,
  retries: 3,
  early: 4,
  doubled: 5,
  duplicateNo: 6,
  reordered: 7,
  reorderedNo: 8,
} as const;
const delayPurposes = { queue: 16, send: 18, spread: 20, delivery: 21, doubled: 23, cap: 25, answer: 26 } as const;

/** The part of a profile's last seconds over which messages that would end too late are spread. */
const endCapShare = 0.08;
/** A duplicated receipt comes again about so long after the last. */
const doubled = { medianMs: 800, sigma: 0.5 };
/**
 * The answer to a submit is never later: a real gateway's client would have given up, and ours
 * waits 5 s.
 */
const answerMsMax = 2_000;

/** `forced`: of forcedOutcomeOf, 0 by chance. */
export function fateOf(profile: SimulatorProfile, stream: ChanceStream, rowNo: number, forced: number): Fate {
  const fate = forced === 0 ? fateByChance(profile, stream, rowNo) : fateByForce(profile, forced);
  if (fate.isEarly) fate.reorderedNo = 0;
  if (fate.reorderedNo === 2 && (fate.end === "failed" || fate.end === "never")) fate.reorderedNo = 1;
  if (fate.duplicateNo === 3 && (fate.end === "failed" || fate.end === "never")) fate.duplicateNo = 2;
  return fate;
}

function fateByChance(profile: SimulatorProfile, stream: ChanceStream, rowNo: number): Fate {
  const { mix } = profile;
  const chance = (purpose: number): number => draw(stream, rowNo, purpose);
  const fate: Fate = { end: "delivered", code: null, retries: 0, isEarly: false, duplicateNo: 0, reorderedNo: 0 };
  const end = chance(purposes.end);
  if (end >= mix.delivered) {
    if (end < mix.delivered + mix.undelivered) {
      const cause = causeOf(undeliveredCauses, chance(purposes.cause));
      fate.end = "undelivered";
      fate.code = cause.code;
      if (cause.isRetried) fate.retries = profile.retryMs.length;
    } else if (end < mix.delivered + mix.undelivered + mix.rejected) {
      const cause = causeOf(rejectedCauses, chance(purposes.cause));
      fate.end = cause.isRefusal ? "rejected" : "failed";
      fate.code = cause.code;
    } else {
      fate.end = "never";
    }
  } else if (chance(purposes.unreachable) < profile.unreachableShare) {
    fate.retries = retriesOf(profile, chance(purposes.retries));
  }
  fate.isEarly = chance(purposes.early) < profile.earlyShare;
  if (chance(purposes.doubled) < profile.duplicateShare) fate.duplicateNo = 1 + Math.floor(3 * chance(purposes.duplicateNo));
  if (chance(purposes.reordered) < profile.reorderedShare) fate.reorderedNo = chance(purposes.reorderedNo) < 0.5 ? 1 : 2;
  return fate;
}

function fateByForce(profile: SimulatorProfile, forced: number): Fate {
  const outcome = forcedOutcomes[forced - 1];
  if (outcome === undefined) throw new Error(`no forced outcome ${forced}`);
  return {
    end: outcome.end,
    code: outcome.code,
    retries: outcome.quirk === "unreachable" ? Math.min(1, profile.retryMs.length) : 0,
    isEarly: outcome.quirk === "early",
    duplicateNo: outcome.quirk === "doubled" ? 3 : 0,
    reorderedNo: outcome.quirk === "reordered" ? 2 : 0,
  };
}

/**
 * When things happen to a message of this fate. They happen in order: queued, then sent, then
 * ended.
 */
export function delaysOf(profile: SimulatorProfile, stream: ChanceStream, rowNo: number, fate: Fate): Delays {
  const logNormal = (purpose: number, { medianMs, sigma }: { medianMs: number; sigma: number }): number =>
    drawLogNormal(stream, rowNo, purpose, medianMs, sigma);
  const queuedMs = logNormal(delayPurposes.queue, profile.queue);
  let sentMs = queuedMs + logNormal(delayPurposes.send, profile.send) + profile.sendSpreadMs * draw(stream, rowNo, delayPurposes.spread);
  let endedMs = sentMs + logNormal(delayPurposes.delivery, profile.delivery);
  for (let retry = 0; retry < fate.retries; retry++) endedMs += profile.retryMs[retry] ?? 0;
  if (profile.endWithinMs !== null) {
    const latestMs = profile.endWithinMs * (1 - endCapShare * draw(stream, rowNo, delayPurposes.cap));
    endedMs = Math.min(endedMs, latestMs);
    sentMs = Math.min(sentMs, endedMs);
  }
  const lastMs = fate.end === "failed" || fate.end === "never" ? sentMs : endedMs;
  const duplicateMs = fate.duplicateNo === 0 ? 0 : lastMs + logNormal(delayPurposes.doubled, doubled);
  return { queuedMs: Math.min(queuedMs, sentMs), sentMs, endedMs, duplicateMs };
}

/** How long a submit whose first row is `rowNo` waits for its answer. */
export function answerDelayMs(profile: SimulatorProfile, stream: ChanceStream, rowNo: number, speed: number): number {
  const { medianMs, sigma } = profile.answer;
  return Math.min(answerMsMax, drawLogNormal(stream, rowNo, delayPurposes.answer, medianMs, sigma) / speed);
}

/** Half of the phones still out of reach answer at each retry, the rest at the last one. */
function retriesOf(profile: SimulatorProfile, chance: number): number {
  let retries = 1;
  for (let left = 0.5; chance < left && retries < profile.retryMs.length; left /= 2) retries += 1;
  return retries;
}

function causeOf(causes: readonly Cause[], chance: number): Cause {
  let left = chance * 100;
  for (const cause of causes) {
    left -= cause.weight;
    if (left < 0) return cause;
  }
  return causes[causes.length - 1] as Cause;
}
