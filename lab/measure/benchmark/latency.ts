// Latency under a steady load of 70 % of the system's capacity: receipt to commit, and sent to the
// credit that a WebSocket client sees.
import { listenToOurCredit, minus, readReceiptBuckets, readSent } from "../sampling/our_latencies.ts";
import { inBodies } from "../subjects/ours.ts";
import { lagsBetween, percentilesOf, percentilesOfHistogram } from "../summary/lags.ts";
import { measureCampaign, type OurSubjects, warmSimulator } from "./measured_subjects.ts";
import type { LatencyRun } from "./results.ts";

const loadShare = 0.7;
/** Of steady load: long enough for a p99 of thousands of receipts. */
const seconds = 10;
const warmUpSeconds = 2;
/** The last credit update arrives within this time after the end, or not at all. */
const settleMaxMs = 3_000;

/** @param fileOf a CSV file of this many contacts */
export async function measureLatency(
  subjects: OurSubjects,
  fullPerSecond: number,
  fileOf: (contacts: number) => string,
): Promise<LatencyRun> {
  const { system } = subjects.ours;
  const partsPerSecond = Math.max(1, Math.round(loadShare * fullPerSecond));
  await warmSimulator(subjects, { ...inBodies, partsPerSecond }, fileOf(partsPerSecond * warmUpSeconds));
  const created = await system.create(fileOf(partsPerSecond * seconds));
  const heard = await listenToOurCredit(system.cluster);
  try {
    const before = await readReceiptBuckets(system.cluster);
    const run = await measureCampaign(subjects, created);
    const sent = await readSent(system.check, created.id);
    const endAt = performance.now() + settleMaxMs;
    while (heard.charged() < (sent.at(-1)?.total ?? 0) && performance.now() < endAt)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return {
      messagesPerSecond: run.messages / run.seconds,
      receiptToCommit: percentilesOfHistogram(minus(await readReceiptBuckets(system.cluster), before)),
      sentToCredit: percentilesOf(lagsBetween(sent, heard.heard)),
      lawsBroken: run.lawsBroken,
    };
  } finally {
    heard.close();
  }
}
