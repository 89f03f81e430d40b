// Summary, pictures and page of a made-up evaluation.
import { expect, test } from "vitest";
import { toFile } from "../report/plot.ts";
import { renderReport } from "../report/report.ts";
import type { EvaluationRun, Phase, Sample } from "./measure.ts";
import { drawPictures } from "./plots.ts";
import { type Evaluation, reportOf } from "./report.ts";
import type { SubjectName } from "./subject.ts";
import { summarize, toCsv } from "./summary.ts";

const sampleOf = (atMs: number, phase: Phase, cpu: number): Sample => ({
  atMs,
  phase,
  queueDepth: phase === "during" ? 7 : 0,
  charged: atMs < 0 ? 0 : 1_000,
  receiptsAnswered: 3_000,
  usage: { simulator: { cpu, memoryMib: 50 }, salesapi: { cpu, memoryMib: 100 + cpu }, ds: { cpu: cpu / 2, memoryMib: 40 } },
});

const runOf = (subject: SubjectName): EvaluationRun => ({
  subject,
  description: "a <made-up> run",
  contacts: 1_000,
  createMs: 100,
  runMs: 2_000,
  isCorrect: subject === "ours",
  verdict: subject === "ours" ? "all laws hold" : "2 wrong final states",
  example: subject === "ours" ? null : "row 1 <b> & more",
  latencies: { submit_to_sent: { p50: 1, p95: 20, p99: 12_000 }, receipt_to_commit: null, sent_to_credit: null },
  samples: [
    sampleOf(-1_000, "before", 0),
    sampleOf(0, "before", 0.1),
    sampleOf(1_000, "during", 0.5),
    sampleOf(2_000, "during", 0.7),
    sampleOf(3_000, "after", 0.1),
  ],
});

const evaluation: Evaluation = {
  startedAt: "2026-01-02T03:04:05.000Z",
  machine: { commit: "abc", node: "v20", postgres: "18.4", redis: "7.0", cores: 2, processor: "a <processor>", load: 3 },
  command: "npm run lab -- run evaluation",
  runs: [runOf("ours"), runOf("original")],
};

test("CPU a message is the time of all cores during the run over its messages, without the simulator's", () => {
  const { messagesPerSecond, cpuMicrosPerMessage, queueDepthMax, processes } = summarize(runOf("ours"));
  expect(messagesPerSecond).toBe(500);
  // salesapi 0.5 s + 0.7 s, ds half of it, for 1,000 messages
  expect(cpuMicrosPerMessage).toBeCloseTo(1_800, 6);
  expect(queueDepthMax).toBe(7);
  expect(processes.map(({ process }) => process)).toEqual(["salesapi", "ds", "simulator"]);
  expect(processes[0]?.cpu.during).toBeCloseTo(0.6, 9);
  expect(processes[0]?.memoryMib.peak).toBeCloseTo(100.7, 9);
});

test("the page needs nothing from elsewhere, runs nothing, and shows text as text", () => {
  const page = renderReport(reportOf(evaluation, drawPictures(evaluation.runs), evaluation), evaluation.machine, new Date(0));
  expect(page).not.toMatch(/<script|<link|<img|@import|src=|url\(|javascript:/i);
  expect(page.replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:/);
  expect(page).not.toContain("<made-up>");
  expect(page).not.toContain("<processor>");
  expect(page).toContain("row 1 &lt;b&gt; &amp; more");
  expect(page).toContain("This machine was busy");
});

test("each picture is a file that stands alone: well-formed, with colours of its own", () => {
  const pictures = drawPictures(evaluation.runs);
  expect(new Set(pictures.map(({ name }) => name)).size).toBe(pictures.length);
  for (const picture of pictures) {
    const file = toFile(picture);
    expect(file).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" .*<\/svg>$/s);
    for (const [, name] of file.matchAll(/var\((--[a-z0-9]+)\)/g)) expect(file).toContain(`${name}:`);
    expect(file).not.toContain("NaN");
  }
});

test("the raw samples have a line for each process at each moment", () => {
  const lines = toCsv(evaluation.runs).trimEnd().split("\n");
  expect(lines).toHaveLength(1 + 2 * 5 * 3);
  expect(lines[1]).toBe("ours,1000,-1000,before,0,0,3000,simulator,0.000,50.0");
});
