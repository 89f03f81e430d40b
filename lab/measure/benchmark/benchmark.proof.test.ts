// The whole benchmark at a tiny size: every subject starts, is measured and keeps the laws, and the
// file can be read again.
import { expect, test, vi } from "vitest";
import { createTerminal } from "../../../src/cli/terminal.ts";
import { renderReport } from "../report/report.ts";
import { runBenchmark } from "./benchmark.ts";
import { reportOf } from "./benchmark_report.ts";
import { compare } from "./compare.ts";
import { orderOf, type Sizes } from "./plan.ts";
import { lawsBrokenIn, parseResults, type SubjectName } from "./results.ts";
import { showBenchmark, showRound, showRun } from "./show_benchmark.ts";

// real processes, three systems of them, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 420_000 });

const tiny: Sizes = {
  messages: { batched: 400, single: 100, unpipelined: 50, original: 20, store: 400, import: 400, copy: 400 },
  yardstickMs: 50,
  counted: { batched: 400, original: 20, store: 400 },
  warmUp: { batched: 50, single: 50 },
  roundsMax: 1,
  budgetMs: 600_000,
  extras: { smallMessages: 100, scalingTurns: 1 },
};

test("all subjects in a round, the slow parts, and figures that can be written, read, shown and compared", async () => {
  const seen: [SubjectName, number][] = [];
  let text = "";
  const terminal = createTerminal({ write: (more: string) => (text += more) }, {});
  const results = await runBenchmark({
    level: "full",
    sizes: tiny,
    onBegin: () => {},
    onRun(subject, round, run) {
      seen.push([subject, round]);
      showRun(terminal, subject, round, run);
    },
    onRound: (round, wide) => showRound(terminal, round, wide),
  });

  expect(seen).toEqual(orderOf(1, tiny).map((subject) => [subject, 1]));
  expect(results.stopped).toBe("rounds");
  expect(lawsBrokenIn(results)).toEqual([]);
  const figures = new Map(results.figures.map((figure) => [figure.name, figure]));
  for (const name of [
    "batched_to_original",
    "batched_to_store",
    "import_to_copy",
    "single_to_http_single_signed",
    "unpipelined_to_original",
  ]) {
    expect(figures.get(name), name).toMatchObject({ count: 1, median: expect.any(Number) });
    expect(figures.get(name)?.median, name).toBeGreaterThan(0);
  }
  expect(figures.get("batched_wal_bytes")?.median).toBeGreaterThan(100);
  // each system with its processes and engines, the store and HTTP with both ends
  const [first] = results.rounds;
  expect(Object.keys(first?.runs.batched?.cpuMicros ?? {})).toEqual(
    expect.arrayContaining(["webapi", "salesapi", "rpc", "general_worker", "sales_worker", "simulator", "ds", "salesdb", "redis"]),
  );
  expect(Object.keys(first?.runs.store?.cpuMicros ?? {})).toEqual(["client", "backend", "rest of server"]);
  expect(Object.keys(first?.runs.http_single_signed?.cpuMicros ?? {})).toEqual(["server", "client"]);
  // three states of a message: two updates at least, of pages that the sessions have counted by now
  for (const subject of ["batched", "store", "original"] as const) {
    expect(results.work[subject]?.rowUpdates, subject).toBeGreaterThanOrEqual(2);
    expect(results.work[subject]?.pagesHit, subject).toBeGreaterThan(2);
  }
  expect(results.latency?.receiptToCommit?.p99).toBeGreaterThan(0);
  expect(figures.get("cpu_two_to_one")).toMatchObject({ count: 1 });
  expect(figures.get("peak_rss_to_small")?.median).toBeGreaterThan(0.5);

  const read = parseResults(JSON.stringify(results));
  expect(read).toEqual(results);
  expect(compare(read, results).figures.filter(({ overlaps }) => !overlaps)).toEqual([]);
  showBenchmark(terminal, results);
  expect(text).toContain("every run ended with all laws held");
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
  expect(renderReport(reportOf(results), results.versions, new Date())).not.toMatch(/NaN|undefined|Infinity/);
});
