// Two salesapis and two sales_workers against one of each: the product's CPU cost of a message. Two
// cores leave no room to see the rate grow.
import { type AddressInfo, connect as connectSocket, createServer } from "node:net";
import { inBodies } from "../subjects/ours.ts";
import { productCpuOf } from "./figures.ts";
import { measureCampaign, type OurSubjects, warmSimulator } from "./measured_subjects.ts";
import type { ScalingTurn } from "./results.ts";

/** One of each, then two of each. */
export async function measureScalingTurn(subjects: OurSubjects, file: string): Promise<ScalingTurn> {
  const { system } = subjects.ours;
  const lawsBroken: string[] = [];
  /** In both cases receipts go through the balancer, whose own CPU burdens both alike. */
  const measure = async (salesapis: readonly string[], others: Record<string, number>): Promise<number> => {
    const balancer = await openBalancer(salesapis);
    try {
      // a campaign first: processes that were just started compile their code
      await warmSimulator(subjects, { ...inBodies, receiptsUrl: `${balancer.url}/receipts/simulated` }, file);
      const run = await measureCampaign(subjects, await system.create(file), others);
      lawsBroken.push(...run.lawsBroken);
      return productCpuOf(run);
    } finally {
      await system.setSimulator(inBodies);
      await balancer.close();
    }
  };
  const salesapiUrl = system.cluster.urls.salesapi ?? "";
  const oneMicros = await measure([salesapiUrl], {});
  const salesapi = await system.cluster.startAnother("salesapi");
  const salesWorker = await system.cluster.startAnother("sales_worker");
  try {
    const twoMicros = await measure([salesapiUrl, salesapi.url], { "salesapi 2": salesapi.pid, "sales_worker 2": salesWorker.pid });
    return { oneMicros, twoMicros, lawsBroken };
  } finally {
    await Promise.all([salesapi.stop(), salesWorker.stop()]);
  }
}

/**
 * Distributes connections over the targets in turn; its own CPU belongs to the benchmark and is not
 * counted.
 */
async function openBalancer(targets: readonly string[]): Promise<{ url: string; close(): Promise<void> }> {
  let next = 0;
  const server = createServer((socket) => {
    const target = new URL(targets[next++ % targets.length] as string);
    const upstream = connectSocket(Number(target.port), target.hostname);
    socket.pipe(upstream).pipe(socket);
    for (const [end, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      end.on("error", () => other.destroy());
      end.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
