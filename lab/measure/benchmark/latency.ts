// Latency under a steady load of 70 % of the system's capacity: receipt to commit, and sent to the
// credit that a WebSocket client sees (goal P6).

import { openPostgres } from "../../../src/platform/postgres.ts";
import { lagsBetween, type Percentiles, percentilesOf, percentilesOfHistogram } from "../evaluation/lags.ts";
import { listenToOurCredit, minus, readReceiptBuckets, readSent } from "../evaluation/ours.ts";
import { inBodies, type OurSystem } from "./ours.ts";

export const loadShare = 0.7;
/** Of steady load: long enough for a p99 of thousands of receipts. */
const seconds = 10;
const warmUpSeconds = 2;
/** The last credit update arrives within this time after the end, or not at all. */
const settleMaxMs = 3_000;

export interface LatencyRun {
  messagesPerSecond: number;
  receiptToCommit: Percentiles | null;
  sentToCredit: Percentiles | null;
  lawsBroken: readonly string[];
}

/** @param fileOf a CSV file of this many contacts */
export async function measureLatency(ours: OurSystem, fullPerSecond: number, fileOf: (contacts: number) => string): Promise<LatencyRun> {
  const partsPerSecond = Math.max(1, Math.round(loadShare * fullPerSecond));
  // a process that was just started compiles its code first
  if (await ours.setSimulator({ ...inBodies, partsPerSecond })) await ours.send(await ours.create(fileOf(partsPerSecond * warmUpSeconds)));
  const created = await ours.create(fileOf(partsPerSecond * seconds));
  const heard = await listenToOurCredit(ours.cluster);
  const before = await readReceiptBuckets(ours.cluster);
  const check = openPostgres(ours.cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "benchmark", connections: 1 });
  try {
    const run = await ours.run(created);
    const sent = await readSent(check, created.id);
    const endAt = performance.now() + settleMaxMs;
    while (heard.charged() < (sent.at(-1)?.total ?? 0) && performance.now() < endAt)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return {
      messagesPerSecond: created.contacts / run.seconds,
      receiptToCommit: percentilesOfHistogram(minus(await readReceiptBuckets(ours.cluster), before)),
      sentToCredit: percentilesOf(lagsBetween(sent, heard.heard)),
      lawsBroken: run.lawsBroken,
    };
  } finally {
    heard.close();
    await check.end({ timeout: 1 });
  }
}
