// A workbook as large as any export, through POST /create of a real salesapi: within its memory,
// and off the loop that takes receipts.
import { openAsBlob, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { CreateAnswer } from "../src/contracts/http.ts";
import { askHttp, uploadForm } from "./api_client.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { writeLargeWorkbook } from "./workbooks.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 });

const [rows, columns] = [100_000, 50];
const residentMiBMax = 256;
/** Of all CPU that the import takes, what the loop's own thread may take: it judges and copies. */
const loopShareMax = 0.5;
const sampleEveryMs = 25;

let cluster: Cluster;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bulksms-large-"));
  await writeLargeWorkbook(join(folder, "large.xlsx"), rows, columns);
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What the kernel says: the largest resident set so far. */
const residentMiB = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;

/** Clock ticks of user and system time of one thread. */
function ticksOf(pid: number, thread: number | string): number {
  const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** The main thread, and the most that any other has taken: threads that have ended are gone. */
function cpuOf(pid: number, others: Map<string, number>): number {
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      if (Number(thread) !== pid) others.set(thread, ticksOf(pid, thread));
    } catch {
      // it has ended between the two looks
    }
  }
  return ticksOf(pid, pid);
}

test.skipIf(process.platform !== "linux")("100,000 rows of 50 columns stay within 256 MiB, and off the loop", async () => {
  const pid = cluster.pids().salesapi as number;
  const before = new Map<string, number>();
  const loopBefore = cpuOf(pid, before);
  const others = new Map<string, number>();
  let largestMiB = 0;
  let loopTicks = loopBefore;
  const timer = setInterval(() => {
    largestMiB = Math.max(largestMiB, residentMiB(pid));
    loopTicks = cpuOf(pid, others);
  }, sampleEveryMs);
  const form = uploadForm(await openAsBlob(join(folder, "large.xlsx")), { text: "Hi {name}" }, "large.xlsx");
  const answer = await askHttp<CreateAnswer>("POST", `${cluster.urls.salesapi}/create`, { key: cluster.apiKey, body: form });
  clearInterval(timer);
  expect(answer).toMatchObject({ status: 201, body: { contacts: rows, rejected: 0, file: { kind: "xlsx" } } });
  const otherTicks = [...others].reduce((sum, [thread, ticks]) => sum + ticks - (before.get(thread) ?? 0), 0);
  const loopShare = (loopTicks - loopBefore) / (loopTicks - loopBefore + otherTicks);
  expect(largestMiB).toBeGreaterThan(0);
  expect({ largestMiB, loopShare }, `${Math.round(largestMiB)} MiB, ${Math.round(100 * loopShare)} % on the loop`).toEqual({
    largestMiB: expect.toSatisfy((found: number) => found <= residentMiBMax),
    loopShare: expect.toSatisfy((found: number) => found <= loopShareMax),
  });
  // for whoever measures: the figures of this run
  process.stdout.write(`salesapi: at most ${Math.round(largestMiB)} MiB, ${Math.round(100 * loopShare)} % of the CPU on its loop\n`);
});
