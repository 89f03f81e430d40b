// A fixed amount of work, by which CPU time of different machines and moments is compared: a core
// that is throttled, or whose other half somebody uses, takes longer for it, as for all else. As
// many threads as there are cores work at once, as they do while the system is measured.
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

/**
 * CPU of one piece of the work on the machine that all CPU is scaled to, in milliseconds. A round
 * number close to that of the machine in docs/performance.md.
 */
export const nominalWorkMs = 100;

export interface FixedWork {
  /** Does it once on every core. @returns CPU time of one piece, in milliseconds */
  measure(): Promise<number>;
  stop(): Promise<void>;
}

export async function startFixedWork(): Promise<FixedWork> {
  const workers = Array.from(
    { length: availableParallelism() },
    () => new Worker(join(import.meta.dirname, "fixed_work_thread.mjs"), { execArgv: [] }),
  );
  const work = async (): Promise<void> => {
    await Promise.all(
      workers.map(async (worker) => {
        const done = once(worker, "message");
        worker.postMessage(null);
        await done;
      }),
    );
  };
  await work(); // compiled from the second one on
  await work();
  return {
    async measure() {
      const before = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1_000 / workers.length;
    },
    stop: async () => void (await Promise.all(workers.map((worker) => worker.terminate()))),
  };
}
