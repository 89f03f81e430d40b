// The submit loops of one sales_worker: a bounded number of chunks at once, taking turns between
// campaigns. Rung by jobs and by the sweeper.
import { setMaxListeners } from "node:events";
import { errorFields } from "../../platform/log.ts";
import { deadlineIn } from "../../platform/time/deadline.ts";
import { sleep } from "../../platform/time/sleep.ts";
import { createSlots } from "../../platform/time/slots.ts";
import { type DispatchOptions, dispatchNextChunk } from "./dispatch.ts";
import { readCampaignText } from "./pending_messages.ts";

export interface DispatcherOptions extends Omit<DispatchOptions, "isStopping" | "onLeased" | "quietMs" | "onThrottled"> {
  /** Chunks that this process works on at once. */
  concurrency: number;
  /**
   * Notifies the other workers that there is work, with one job per time slice, so that a worker
   * that joins takes its share.
   */
  ringOthers(bulksmsId: string): void;
  /**
   * A loop ran out of work for the campaign, or lost the right to it: check whether a next step is
   * due.
   */
  onIdle(bulksmsId: string): void;
}

export interface Dispatcher {
  /**
   * There may be chunks to submit. Never waits; a campaign that is already queued is not queued
   * twice.
   */
  ring(bulksmsId: string): void;
  chunksInHand(): number;
  /** Starts no new body and waits for those in flight. */
  close(): Promise<void>;
}

/** How long a loop works on one campaign before the next one gets its turn. */
const sliceMs = 1_000;
/** Pause after an unexpected error, so that a bug does not busy-loop. */
const errorPauseMs = 500;

export function openDispatcher(options: DispatcherOptions): Dispatcher {
  const waiting = new Set<string>(); // in order of arrival
  const loops = createSlots(options.concurrency, startLoops);
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // one for each that sleeps until then
  const isStopping = () => stopping.signal.aborted;
  /** The carrier wants no requests before it is over. */
  let quiet = deadlineIn(0);
  const quietMs = () => quiet.leftMs();
  const dispatchOptions: DispatchOptions = {
    ...options,
    isStopping,
    quietMs,
    onThrottled(retryAfterMs) {
      if (retryAfterMs > quiet.leftMs()) quiet = deadlineIn(retryAfterMs);
    },
    onLeased: ring, // where there is one chunk there may be more: a free loop checks too
  };

  function ring(bulksmsId: string): void {
    if (isStopping()) return;
    waiting.add(bulksmsId);
    startLoops();
  }

  function ringLater(bulksmsId: string, delayMs: number): void {
    void sleep(delayMs, stopping.signal).then(() => ring(bulksmsId));
  }

  function startLoops(): void {
    while (!loops.isFull() && waiting.size > 0) {
      const bulksmsId = waiting.values().next().value as string;
      waiting.delete(bulksmsId);
      loops.start(() =>
        runSlice(bulksmsId).catch((error: unknown) => {
          options.log.warn({ event: "dispatch.failed", bulksmsId, ...errorFields(error) });
          ringLater(bulksmsId, errorPauseMs);
        }),
      );
    }
  }

  /** Works on chunks of one campaign until there are none, its turn is over, or it has to stop. */
  async function runSlice(bulksmsId: string): Promise<void> {
    const text = await readCampaignText(options.sql, bulksmsId);
    if (text === null) return options.onIdle(bulksmsId);
    const slice = deadlineIn(sliceMs);
    while (!isStopping()) {
      if (quietMs() > 0) return ringLater(bulksmsId, quietMs());
      const outcome = await dispatchNextChunk(dispatchOptions, text);
      if (outcome === "none" || outcome === "stopped") return options.onIdle(bulksmsId);
      if (slice.isOver()) {
        options.ringOthers(bulksmsId);
        return ring(bulksmsId);
      }
    }
  }

  return {
    ring,
    chunksInHand: loops.inUse,
    async close() {
      stopping.abort();
      await loops.idle();
    },
  };
}
