// Two salesapis and two sales_workers against one of each: the CPU cost of a message (goal P8). Two
// cores leave no room to see the rate grow.
import { type AddressInfo, connect as connectSocket, createServer } from "node:net";
import { inBodies, type OurRun, type OurSystem } from "./ours.ts";
import { median } from "./summary.ts";

export interface ScalingRun {
  onePerMessageMicros: number;
  twoPerMessageMicros: number;
  lawsBroken: readonly string[];
}

/** Alternates runs of one and two, this many times. */
const turns = 2;

export async function measureScaling(ours: OurSystem, file: string): Promise<ScalingRun> {
  const lawsBroken: string[] = [];
  /** In both cases receipts go through the balancer, whose own CPU burdens both alike. */
  const measure = async (salesapis: readonly string[], others: Record<string, number>): Promise<number> => {
    const balancer = await openBalancer(salesapis);
    try {
      await ours.setSimulator({ ...inBodies, receiptsUrl: `${balancer.url}/receipts/simulated` });
      // the second of two runs: processes that were just started compile their code, which is not a
      // cost per message
      const cold = await ours.run(await ours.create(file), others);
      const warm = await ours.run(await ours.create(file), others);
      lawsBroken.push(...cold.lawsBroken, ...warm.lawsBroken);
      return sumOf(warm);
    } finally {
      await ours.setSimulator(inBodies);
      await balancer.close();
    }
  };
  const salesapiUrl = ours.cluster.urls.salesapi ?? "";
  const one: number[] = [];
  const two: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    one.push(await measure([salesapiUrl], {}));
    const salesapi = await ours.cluster.startAnother("salesapi");
    const salesWorker = await ours.cluster.startAnother("sales_worker");
    try {
      two.push(await measure([salesapiUrl, salesapi.url], { "salesapi 2": salesapi.pid, "sales_worker 2": salesWorker.pid }));
    } finally {
      await Promise.all([salesapi.stop(), salesWorker.stop()]);
    }
  }
  return { onePerMessageMicros: median(one) ?? 0, twoPerMessageMicros: median(two) ?? 0, lawsBroken };
}

const sumOf = (run: OurRun): number => Object.values(run.cpuMicrosPerMessage).reduce((sum, micros) => sum + micros, 0);

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
