// A clock that stands still until its test lets time pass.
import type { Clock } from "../src/platform/time/clock.ts";

export interface ManualClock extends Clock {
  /** Calls what is due meanwhile, in order, each at its own time. */
  advance(ms: number): void;
  /** How many calls are outstanding. */
  timerCount(): number;
}

export function createManualClock(wallStartMs = Date.UTC(2026, 10, 30, 12)): ManualClock {
  const timers = new Set<{ atMs: number; action: () => void }>();
  let nowMs = 1_000;
  const nextDue = (untilMs: number) =>
    [...timers]
      .filter(({ atMs }) => atMs <= untilMs)
      .reduce<{ atMs: number; action: () => void } | null>(
        (first, timer) => (first === null || timer.atMs < first.atMs ? timer : first),
        null,
      );
  return {
    steadyMs: () => nowMs,
    wallMs: () => wallStartMs + nowMs,
    after(ms, action) {
      const timer = { atMs: nowMs + Math.max(0, ms), action };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (let due = nextDue(untilMs); due !== null; due = nextDue(untilMs)) {
        timers.delete(due);
        nowMs = Math.max(nowMs, due.atMs);
        due.action();
      }
      nowMs = untilMs;
    },
    timerCount: () => timers.size,
  };
}
