// The weather of one account's protocol (contracts/simulator_weather.ts): what happens to its
// submits and their answers. Draws by the message; `throttled`, which has no message, by the count
// of the account's submits. Called by account_network.ts and the dialects.
import type { AccountWeather, AccountWeatherKind } from "../contracts/simulator_weather.ts";
import { type ChanceStream, draw } from "./random.ts";

/** Far from those of plan.ts and weather.ts. */
const purposes = { cut_before_answer: 192, no_answer: 193, late_answer: 194, throttled: 195, early: 196, wrong_bind: 197 } as const;
type DrawnKind = keyof typeof purposes;

/** What becomes of the answer to a message that was judged. */
export interface AnswerWeather {
  kind: "plain" | "cut" | "none";
  /** ms on top of the network's own delay. */
  laterMs: number;
}

export type AccountCounts = Record<string, Partial<Record<AccountWeatherKind, number>>>;

export interface AccountWeathers {
  /** Of the account now; empty: clear. */
  of(name: string): AccountWeather;
  isDrawn(name: string, kind: DrawnKind, stream: ChanceStream, no: number): boolean;
  answerOf(name: string, stream: ChanceStream, rowNo: number): AnswerWeather;
  /** How often each kind happened since the process started. */
  counts(): AccountCounts;
}

const clear: AccountWeather = {};
const plain: AnswerWeather = { kind: "plain", laterMs: 0 };

/** @param read the accounts' part of the weather that is set */
export function createAccountWeathers(read: () => Readonly<Record<string, AccountWeather>> | undefined): AccountWeathers {
  const counts: AccountCounts = {};
  const of = (name: string): AccountWeather => {
    const all = read();
    return all !== undefined && Object.hasOwn(all, name) ? (all[name] as AccountWeather) : clear;
  };
  const isDrawn = (name: string, kind: DrawnKind, stream: ChanceStream, no: number): boolean => {
    const share = of(name)[kind]?.share ?? 0;
    if (share === 0 || draw(stream, no, purposes[kind]) >= share) return false;
    counts[name] ??= {};
    counts[name][kind] = (counts[name][kind] ?? 0) + 1;
    return true;
  };
  return {
    of,
    isDrawn,
    answerOf(name, stream, rowNo) {
      const weather = of(name);
      if (weather === clear) return plain;
      const kind = isDrawn(name, "cut_before_answer", stream, rowNo) ? "cut" : isDrawn(name, "no_answer", stream, rowNo) ? "none" : "plain";
      const isLate = weather.late_answer !== undefined && isDrawn(name, "late_answer", stream, rowNo);
      return { kind, laterMs: isLate ? (weather.late_answer?.after_ms ?? 0) : 0 };
    },
    counts: () => structuredClone(counts),
  };
}
