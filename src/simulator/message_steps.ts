// A message's way through the network: queued, sent, ended, each step when its plan says so
// (plan.ts), with the receipts that go with it. Also takes up messages that a restart finds in the
// journal.
import type { CarrierErrorCode } from "../contracts/receipts.ts";
import { journalEnds } from "../contracts/simulator_journal.ts";
import { reachFailpoint } from "../platform/failpoint.ts";
import { errorNumbers } from "./error_numbers.ts";
import type { OpenSegment } from "./journal.ts";
import type { Network } from "./network.ts";
import { delaysOf } from "./plan.ts";
import { simulatorProfiles } from "./profiles.ts";
import { tell } from "./receipts_out.ts";
import { flag, type Segment } from "./segment.ts";

/**
 * The steps of a message, in order. `again`: a duplicate receipt. On the wheel, 5 to 7 are receipts
 * (receipts_out.ts).
 */
export const steps = { queue: 1, send: 2, end: 3, again: 4 } as const;
export type Step = (typeof steps)[keyof typeof steps];

const endNumber = {
  failed: journalEnds.indexOf("failed"),
  undelivered: journalEnds.indexOf("undelivered"),
  delivered: journalEnds.indexOf("delivered"),
};

/** Does a step, and those after it that are due too. */
export function runSteps(network: Network, open: OpenSegment, slot: number, first: Step, now: number): void {
  for (let step: Step | null = first; step !== null; ) {
    step = runStep(network, open, slot, step, now);
    if (step === null) return;
    if (dueMs(open.segment, slot, step) > now) {
      scheduleStep(network, open.segment, slot, step, now);
      return;
    }
  }
}

export function scheduleStep({ wheel }: Network, segment: Segment, slot: number, step: Step, now: number): void {
  segment.uses += 1;
  wheel.put(Math.max(now, dueMs(segment, slot, step)), segment.handle, (slot << 3) | step);
}

/**
 * Takes up the messages of a segment from disk: receipts without their 2xx are told again, the next
 * step comes when it is due.
 */
export function resumeSegment(network: Network, open: OpenSegment): void {
  const { segment } = open;
  segment.takeUp(network.clock);
  const now = network.clock.steadyMs();
  for (let slot = 0; slot < segment.slots; slot++) {
    if (segment.isFinished(slot)) continue;
    const isSent = segment.is(slot, flag.sent);
    const isEnded = segment.is(slot, flag.ended);
    const isQueuedEmitted = isSent || isEnded || segment.isAnswered(slot, 1);
    if (isQueuedEmitted && !segment.isAnswered(slot, 1)) tell(network, segment, slot, 1);
    if ((isSent || isEnded) && !segment.isAnswered(slot, 2)) tell(network, segment, slot, 2);
    if (isSent && isEnded && !segment.isAnswered(slot, 3)) tell(network, segment, slot, 3);
    const next = isEnded || segment.is(slot, flag.never) ? null : isSent ? steps.end : isQueuedEmitted ? steps.send : steps.queue;
    if (next !== null) scheduleStep(network, segment, slot, next, now);
  }
}

/** One step; answers the next one. */
function runStep(network: Network, open: OpenSegment, slot: number, step: Step, now: number): Step | null {
  const { segment } = open;
  const terms = segment.submitOf(slot);
  const fate = segment.fate(slot);
  const last = fate.duplicateNo === 0 ? null : steps.again;
  switch (step) {
    case steps.queue:
      if (fate.reorderedNo !== 1) tell(network, segment, slot, 1);
      return steps.send;
    case steps.send: {
      // never sent after valid_until, whatever the reason for the delay: then it failed, and costs
      // nothing
      const isTooLate = network.clock.wallMs() > terms.validUntilMs;
      if (isTooLate || fate.end === "failed") end(network, open, slot, "failed", isTooLate ? "expired_in_network" : fate.code, now);
      else send(network, open, slot, fate.end === "never", now);
      const isFailed = segment.is(slot, flag.ended);
      if (fate.reorderedNo !== 2 || isFailed) tell(network, segment, slot, 2);
      if (fate.reorderedNo === 1) tell(network, segment, slot, 1);
      return isFailed || fate.end === "never" ? last : steps.end;
    }
    case steps.end: {
      const isExpired = plannedEndMs(segment, slot) > terms.validUntilMs;
      if (fate.end === "delivered" && !isExpired) end(network, open, slot, "delivered", null, now);
      else end(network, open, slot, "undelivered", isExpired ? "expired_in_network" : fate.code, now);
      tell(network, segment, slot, 3);
      if (fate.reorderedNo === 2) tell(network, segment, slot, 2);
      return last;
    }
    case steps.again: {
      const wasThirdEmitted = segment.is(slot, flag.sent) && segment.is(slot, flag.ended);
      tell(network, segment, slot, fate.duplicateNo === 3 && !wasThirdEmitted ? 2 : fate.duplicateNo);
      return null;
    }
  }
}

function send({ journal, counts }: Network, open: OpenSegment, slot: number, isNever: boolean, now: number): void {
  const { segment, block } = open;
  reachFailpoint("sending_begins");
  const deltaMs = deltaOf(segment, slot, now);
  segment.markSent(slot, deltaMs, isNever);
  block.sent(segment.rows[slot] as number, deltaMs);
  journal.touch(open);
  counts.sent += 1;
  counts.parts_sent += segment.parts[slot] as number;
}

function end(
  { journal, counts }: Network,
  open: OpenSegment,
  slot: number,
  to: keyof typeof endNumber,
  code: CarrierErrorCode | null,
  now: number,
): void {
  const { segment, block } = open;
  const deltaMs = deltaOf(segment, slot, now);
  const codeNumber = errorNumbers.get(code) as number;
  segment.markEnded(slot, deltaMs, endNumber[to], codeNumber);
  block.ended(segment.rows[slot] as number, deltaMs, endNumber[to], codeNumber);
  journal.touch(open);
  counts.ended += 1;
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

function deltaOf(segment: Segment, slot: number, now: number): number {
  return Math.min(0xffff_ffff, Math.max(0, Math.round(now - segment.submitOf(slot).beginMs)));
}
