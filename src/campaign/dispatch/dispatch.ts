// Takes one chunk from lease to done: intent, submit, record the answers. Called by the dispatcher
// of sales_worker. No database connection is held while the carrier is called; a crash at any line
// leaves a lease that expires and rows that are submitted again by reference.

import type { CarrierClient, SubmitOutcome } from "../../carriers/carrier.ts";
import type { SubmitRequest } from "../../contracts/receipts.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { errorFields, type Log } from "../../platform/log.ts";
import { inTransaction, type Sql } from "../../platform/postgres.ts";
import { spreadBackoffMs } from "../../platform/time/backoff.ts";
import { deadlineIn } from "../../platform/time/deadline.ts";
import { waitUntil } from "../../platform/time/wait_until.ts";
import { lockCampaign } from "../lifecycle/campaign_rows.ts";
import { type CampaignProgress, emptyVerdicts, moveMessages, setVerdict, type Verdicts } from "../lifecycle/move_messages.ts";
import { finishChunk, type Intent, intendSubmit, type LeasedChunk, leaseChunk, lockChunk, releaseChunk } from "./chunk_leases.ts";
import { type CampaignText, readPendingMessages, sharedText } from "./pending_messages.ts";

export interface DispatchOptions {
  sql: Sql;
  carrier: CarrierClient;
  leaseMs: number;
  /**
   * Time within which a submitted body is answered or given up; less than leaseMs, so that the
   * submit ends inside its lease.
   */
  submitTimeoutMs: number;
  log: Log;
  /** The process is draining: start no new body. */
  isStopping(): boolean;
  /** How much longer the carrier wants no requests, in ms; 0 if it accepts them. */
  quietMs(): number;
  onThrottled(retryAfterMs: number): void;
  onLeased(bulksmsId: string): void;
  onProgress(progress: CampaignProgress): void;
  onSubmit(outcome: SubmitOutcome["kind"], durationMs: number, messages: number): void;
  /** The campaign was paused because the carrier refused it. */
  pauseRefused(bulksmsId: string, lastError: string): Promise<void>;
}

/**
 * The outcome of a lease. `none`: there was no chunk to lease. `done`: go on. `stopped`: the
 * campaign is not running any more, the lease was lost, or the process is draining. `throttled`:
 * the carrier wants no requests for a while. `late`: the lease was nearly over before the submit
 * began; go on with a new one.
 */
export type ChunkOutcome = "none" | "done" | "stopped" | "throttled" | "late";

/**
 * Between attempts while the carrier is silent. Short compared with the lease, which each attempt
 * renews, and short enough to notice soon that the carrier is back.
 */
const silenceBackoff = { firstMs: 200, maxMs: 1_000 };
/** A pause ends this soon after the process began to drain. */
const stopCheckMs = 100;
/**
 * Minimum share of submitTimeoutMs; with less, a slow database rather than the carrier would decide
 * that a body has failed.
 */
const submitTimeShareMin = 1 / 3;

/** Leases the next chunk of a campaign and works on it until it is done or has to stop. */
export async function dispatchNextChunk(options: DispatchOptions, text: CampaignText): Promise<ChunkOutcome> {
  const chunk = await leaseChunk(options.sql, { bulksmsId: text.bulksmsId, leaseMs: options.leaseMs });
  if (chunk === null) return "none";
  reachFailpoint("chunk_leased");
  options.onLeased(chunk.bulksmsId);
  const messages = await readPendingMessages(options.sql, chunk, text);
  if (messages.length === 0) {
    await recordAnswers(options, chunk, emptyVerdicts());
    return "done";
  }
  return submitUntilAnswered(options, chunk, { batch_id: chunk.bulksmsId, sender: text.sender, ...sharedText(text), messages });
}

type Body = Omit<SubmitRequest, "valid_until">;

async function submitUntilAnswered(options: DispatchOptions, chunk: LeasedChunk, body: Body): Promise<ChunkOutcome> {
  const { sql, log } = options;
  // true if nothing of this chunk can be at the carrier: this lease wrote the first intent, and
  // each of its attempts certainly failed
  let isUntouched = false;
  for (let attempt = 1; ; attempt++) {
    if (options.quietMs() > 0) {
      await releaseChunk(sql, chunk, isUntouched);
      return "throttled";
    }
    // taken before the statement, so never later than the database's own end of the lease
    const lease = deadlineIn(options.leaseMs);
    const intent: Intent | null = options.isStopping() ? null : await intendSubmit(sql, chunk, options.leaseMs, isUntouched);
    if (intent !== null) reachFailpoint("intent_committed");
    if (intent !== null && attempt === 1) isUntouched = intent.isFirst;
    if (intent === null) {
      await releaseChunk(sql, chunk, isUntouched);
      return "stopped";
    }
    // after a freeze or a slow statement: a body ends inside its lease, and is not started if the
    // rest leaves too little time for an answer
    const timeoutMs = Math.min(options.submitTimeoutMs, Math.floor(lease.leftMs()));
    if (timeoutMs < options.submitTimeoutMs * submitTimeShareMin) {
      await releaseChunk(sql, chunk, isUntouched);
      return "late";
    }
    reachFailpoint("submit_begins");
    const startedAt = performance.now();
    const outcome = await options.carrier.submit({ ...body, valid_until: intent.validUntil.toISOString() }, timeoutMs);
    options.onSubmit(outcome.kind, performance.now() - startedAt, body.messages.length);
    switch (outcome.kind) {
      case "answered":
        reachFailpoint("submit_answered");
        await recordAnswers(options, chunk, toVerdicts(body, outcome.rejected));
        reachFailpoint("answers_committed");
        return "done";
      case "throttled":
        options.onThrottled(outcome.retryAfterMs); // before the chunk is free for the next loop
        await releaseChunk(sql, chunk, isUntouched);
        return "throttled";
      case "refused":
        log.warn({ event: "carrier.refused", bulksmsId: chunk.bulksmsId, chunkNo: chunk.chunkNo, reason: outcome.reason });
        await options.pauseRefused(chunk.bulksmsId, outcome.reason);
        await releaseChunk(sql, chunk, isUntouched);
        return "stopped";
      case "silent":
        isUntouched &&= outcome.isWithoutEffect;
        if (attempt === 1)
          log.info({ event: "carrier.silent", bulksmsId: chunk.bulksmsId, chunkNo: chunk.chunkNo, reason: outcome.reason });
        await waitUntil(options.isStopping, spreadBackoffMs(silenceBackoff, attempt), stopCheckMs);
    }
  }
}

function toVerdicts(body: Body, rejected: ReadonlyMap<number, string>): Verdicts {
  const verdicts = emptyVerdicts();
  for (const { row_no: rowNo } of body.messages) {
    const errorCode = rejected.get(rowNo);
    setVerdict(verdicts, rowNo, errorCode === undefined ? { status: "queued", errorCode: null } : { status: "failed", errorCode });
  }
  return verdicts;
}

/**
 * Records the carrier's answers, whoever holds the lease by now, and marks the chunk done if it is
 * still ours. Locks: campaign, chunk, messages.
 */
async function recordAnswers(options: DispatchOptions, chunk: LeasedChunk, verdicts: Verdicts): Promise<void> {
  try {
    const { progress, isDone } = await inTransaction(options.sql, async (transaction) => {
      await Promise.all([lockCampaign(transaction, chunk.bulksmsId), lockChunk(transaction, chunk)]);
      const [moved, isDone] = await Promise.all([moveMessages(transaction, chunk.bulksmsId, verdicts), finishChunk(transaction, chunk)]);
      reachFailpoint("answers_uncommitted");
      return { progress: moved.progress, isDone };
    });
    if (!isDone) await releaseChunk(options.sql, chunk, false); // canceled meanwhile
    if (progress !== null) options.onProgress(progress);
  } catch (error) {
    // nothing is lost: the lease expires, the chunk is submitted again, and the carrier repeats its
    // verdicts
    options.log.warn({ event: "dispatch.record_failed", bulksmsId: chunk.bulksmsId, chunkNo: chunk.chunkNo, ...errorFields(error) });
    throw error;
  }
}
