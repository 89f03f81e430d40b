// A run on screen: events with their times, and below them all campaigns of the run as one moving
// bar.
import { createProgress, type Progress } from "../../../src/cli/progress.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import type { BulksmsStatus, MessageStatus } from "../../../src/contracts/states.ts";
import type { RateSample, TimelineEntry } from "../../measure/report/verdict.ts";
import { countAll } from "./watch.ts";

export interface LiveView {
  event(entry: TimelineEntry): void;
  sample(sample: RateSample, statuses: readonly string[]): void;
  end(): void;
}

export function openLiveView(terminal: Terminal): LiveView {
  let progress: Progress | null = null;
  return {
    event: ({ atMs, what }) => terminal.line(`${terminal.dim(formatAt(atMs))}   ${what}`),
    sample(sample, statuses) {
      const status = (statuses.find((one) => one !== "finished") ?? "finished") as BulksmsStatus;
      // uses the clock of the run: the cluster took time to start
      progress ??= createProgress(terminal, { nowMs: () => performance.now(), endsAtMs: null });
      progress.show({
        status,
        contacts: countAll(sample),
        parts: 0,
        partsSent: 0,
        counts: sample.counts as Record<MessageStatus, number>,
        unconfirmed: 0,
        lastError: null,
        credit: null,
        silent: null,
      });
    },
    end: () => progress?.end(),
  };
}

/** `  2.3 s`, always with tenths: two events may be close together. */
export function formatAt(atMs: number): string {
  return `${(atMs / 1_000).toFixed(1)} s`.padStart(7);
}
