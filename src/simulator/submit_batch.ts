// A submit from its body to its answer: limits, verdicts, commit, early receipts; from the answer
// on the plans of its messages run. Called by simulator.ts.
import { AppError } from "../contracts/errors.ts";
import type { SubmitResponse } from "../contracts/receipts.ts";
import { reachFailpoint } from "../platform/failpoint.ts";
import { sleep } from "../platform/time/sleep.ts";
import { waitUntil } from "../platform/time/wait_until.ts";
import { runSteps, scheduleStep, steps } from "./message_steps.ts";
import type { Network } from "./network.ts";
import { simulatorProfiles } from "./profiles.ts";
import { readSubmit } from "./submit.ts";
import { applySubmit, closeSegments, type FreshMessage, openSegments, segmentsOf } from "./submit_verdicts.ts";
import { createTokenBucket } from "./token_bucket.ts";
import type { Turns } from "./turns.ts";

/**
 * Messages with something to come: about 60 bytes each in memory. Beyond it a submit is told to
 * come later.
 */
const unfinishedMax = 10_000_000;
const overloadedRetryS = 5;
/**
 * While more receipts than this wait for their 2xx, a submit is taken later, by `submitHoldMaxMs`
 * at most, far below any client's time-out: a client that is faster than the receiver would only
 * fill our memory, and its rows would be cold in its database by the time their receipts come
 * (decision 011).
 */
const receiptsWaitingMax = 100_000;
const submitHoldMaxMs = 300;
const submitHoldPollMs = 5;
/** The answer to a submit waits this long at most for its early receipts. */
const earlyHeadStartMs = 250;
const earlyPollMs = 2;

/**
 * Journals the verdicts, then answers.
 * @throws AppError rate_limited, overloaded, draining, or of readSubmit: without effect.
 */
export type SubmitBatch = (body: unknown) => Promise<SubmitResponse>;

export function createSubmitBatch(network: Network, turns: Turns): SubmitBatch {
  const { options, clock, counts } = network;
  const { slowdown } = simulatorProfiles[options.profile];
  const bucket = createTokenBucket(Math.ceil(options.partsPerSecond / slowdown), () => performance.now());

  return async (body) => {
    const request = readSubmit(body);
    requireOpen(network);
    if (network.accounts.ofBatch(request.batchId) !== undefined) {
      throw new AppError("request_invalid", "batch_id: it is that of an account of another dialect");
    }
    requireRoom(network);
    const segmentNos = segmentsOf(request);
    await untilReceiverFollows(network);
    requireOpen(network);
    const waitS = bucket.take(request.parts);
    if (waitS > 0) {
      counts.throttled += 1;
      throw new AppError("rate_limited", `More than ${options.partsPerSecond} parts a second.`, { retryAfterS: waitS });
    }
    const opened = await openSegments(network, request.batchId, segmentNos);
    try {
      const verdict = applySubmit(network, request, opened);
      await commitVerdicts(network);
      await tellEarly(network, turns, verdict.fresh);
      const answerInMs = verdict.answerAtMs - clock.steadyMs();
      if (answerInMs > 0) await sleep(answerInMs);
      beginPlans(network, turns, verdict.fresh);
      return { batch_id: request.batchId, accepted: request.messages.length - verdict.rejected.length, rejected: verdict.rejected };
    } finally {
      closeSegments(opened);
    }
  };
}

/** @throws AppError draining */
export function requireOpen({ isDraining }: Network): void {
  if (isDraining) throw new AppError("draining", "The simulator is shutting down; ask again.", { retryAfterS: 1 });
}

/** Verdicts are on disk before anybody is told of them. */
export async function commitVerdicts({ journal }: Network): Promise<void> {
  reachFailpoint("verdict_unjournaled");
  await journal.commit();
  reachFailpoint("verdict_journaled");
}

/** @throws AppError overloaded */
export function requireRoom({ journal }: Network): void {
  if (journal.unfinished() <= unfinishedMax) return;
  throw new AppError("overloaded", "Too many messages are under way; ask again later.", { retryAfterS: overloadedRetryS });
}

async function untilReceiverFollows(network: Network): Promise<void> {
  const mayTake = (): boolean => network.sender.pending() <= receiptsWaitingMax || network.isDraining;
  await waitUntil(mayTake, submitHoldMaxMs, submitHoldPollMs);
}

/**
 * The first receipt of some messages comes before the answer to their submit. Their verdict is on
 * disk, so it may.
 */
async function tellEarly(network: Network, turns: Turns, fresh: readonly FreshMessage[]): Promise<void> {
  const early = fresh.filter(({ isEarly }) => isEarly);
  if (early.length === 0) return;
  for (const { open, slot } of early) runSteps(network, open, slot, steps.queue, network.clock.steadyMs());
  turns.begin();
  const isOneUnsent = (): boolean => early.some(({ open, slot }) => ![1, 2, 3].some((no) => open.segment.isAnswered(slot, no)));
  await waitUntil(() => !isOneUnsent() || network.isDraining, earlyHeadStartMs, earlyPollMs);
}

/** The plans of all others begin with the answer. */
function beginPlans(network: Network, turns: Turns, fresh: readonly FreshMessage[]): void {
  const now = network.clock.steadyMs();
  for (const { open, slot, isEarly } of fresh) if (!isEarly) scheduleStep(network, open.segment, slot, steps.queue, now);
  turns.begin();
}
