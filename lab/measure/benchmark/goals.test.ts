// A goal is reached, missed, or unclear when it lies within the interval.
import { expect, test } from "vitest";
import { figureLines, latencyLines } from "./goals.ts";
import { madeUpResults, runAt } from "./made_up_results.ts";

const ratioOf = (...ratios: number[]) => {
  const lines = figureLines(madeUpResults(ratios.map((ratio) => ({ batched: runAt(ratio), original: runAt(1) }))));
  return lines.find(({ figure: { name } }) => name === "batched_to_original");
};

test("at least 60 x: by the whole interval", () => {
  expect(ratioOf(61, 70, 80)).toMatchObject({ goal: "at least 60 x", reached: "reached" });
  expect(ratioOf(59, 70, 80)?.reached).toBe("unclear");
  expect(ratioOf(40, 50, 59)?.reached).toBe("not reached");
});

test("at most 1.4 x: the other way round", () => {
  const line = (...ratios: number[]) =>
    figureLines(madeUpResults(ratios.map((ratio) => ({ import: runAt(10), copy: runAt(10 * ratio) })))).find(
      ({ figure: { name } }) => name === "import_to_copy",
    );
  expect(line(1.1, 1.2, 1.3)?.reached).toBe("reached");
  expect(line(1.1, 1.2, 1.5)?.reached).toBe("unclear");
  expect(line(1.5, 1.6, 1.7)?.reached).toBe("not reached");
});

test("every ratio has a line, also without a goal; latency has none when a law was broken", () => {
  const results = madeUpResults([{ batched: runAt(100), http_bodies: runAt(100) }]);
  expect(figureLines(results).find(({ figure: { name } }) => name === "batched_to_http_bodies")).toMatchObject({ goal: "", reached: null });
  const latency = { messagesPerSecond: 1, receiptToCommit: { p50: 1, p95: 2, p99: 101 }, sentToCredit: null, lawsBroken: [] as string[] };
  expect(latencyLines({ latency })).toEqual([{ what: "receipt to commit at 70 % load, p99", p99Ms: 101, goalMs: 100 }]);
  expect(latencyLines({ latency: { ...latency, lawsBroken: ["L1"] } })).toEqual([]);
});
