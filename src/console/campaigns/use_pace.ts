// How fast messages reach their final state, and how long the rest takes at that pace: from the
// live counts of the last ten seconds.
import { useRef } from "react";
import { countIn, type MessageStatus } from "../../contracts/states.ts";

const windowMs = 10_000;
/**
 * The first messages end slowly, with all others behind them: until this share has ended, the pace
 * does not predict the remaining time.
 */
const shareThatTells = 0.02;

export interface Pace {
  /** Messages per second that reached their final state; null: not known yet. */
  perS: number | null;
  /** Seconds until all have, at this pace; null: not known. */
  leftS: number | null;
}

export function usePace(counts: Readonly<Record<MessageStatus, number>>, contacts: number): Pace {
  const samples = useRef<{ atMs: number; final: number }[]>([]);
  const nowMs = performance.now();
  const final = countIn("final", counts);
  const kept = samples.current.filter(({ atMs }) => nowMs - atMs < windowMs);
  if (kept.at(-1)?.final !== final) kept.push({ atMs: nowMs, final });
  samples.current = kept;
  return paceOf(kept, nowMs, contacts);
}

/** Exported for its test. */
export function paceOf(samples: readonly { atMs: number; final: number }[], nowMs: number, contacts: number): Pace {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.final === first.final) return { perS: null, leftS: null };
  const perS = (last.final - first.final) / Math.max(0.5, (nowMs - first.atMs) / 1_000);
  if (last.final < contacts * shareThatTells) return { perS, leftS: null };
  return { perS, leftS: last.final >= contacts ? 0 : (contacts - last.final) / perS };
}
