// How many receipts per second a bare node:http server accepts from the same stock client as the
// carrier's: what HTTP alone costs, without signature or database.
import { once } from "node:events";
import { join } from "node:path";
import { Pool } from "undici";
import { endChild, spawnBound } from "../../../src/local/engines/bound_process.ts";
import { openUsageMeter } from "./process_usage.ts";

/** As many as the carrier's callbacks in flight. */
const connections = 16;
const runMs = 1_500;
const stopMaxMs = 2_000;

export interface BareHttpRun {
  receiptsPerBody: number;
  receiptsPerSecond: number;
  /** Of the server, per receipt. */
  serverCpuMicros: number;
}

/** One run with single receipts, one with bodies of 100. */
export async function measureBareHttp(): Promise<BareHttpRun[]> {
  const server = spawnBound(process.execPath, ["--import", "tsx", join(import.meta.dirname, "bare_server.ts")], "KILL", {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(server.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    const pool = new Pool(`http://127.0.0.1:${String(line).trim()}`, { connections, pipelining: 1 });
    const runs: BareHttpRun[] = [];
    for (const receiptsPerBody of [1, 100]) runs.push(await measure(pool, server.pid ?? 0, receiptsPerBody));
    await pool.destroy();
    return runs;
  } finally {
    await endChild(server, "SIGTERM", stopMaxMs);
  }
}

async function measure(pool: Pool, pid: number, receiptsPerBody: number): Promise<BareHttpRun> {
  const body = bodyOf(receiptsPerBody);
  const usage = openUsageMeter({ server: pid });
  const startedAt = performance.now();
  let bodies = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startedAt < runMs) {
      const answer = await pool.request({ method: "POST", path: "/receipts/bare", headers: { "content-type": "application/json" }, body });
      await answer.body.dump();
      bodies += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  const receipts = bodies * receiptsPerBody;
  const seconds = (performance.now() - startedAt) / 1_000;
  return { receiptsPerBody, receiptsPerSecond: receipts / seconds, serverCpuMicros: (usage.cpuMicros().server ?? 0) / receipts };
}

/** In the carrier's format. */
function bodyOf(receipts: number): string {
  const batchId = "0198a1b2-0000-7000-8000-000000000000";
  const one = (row: number) => ({
    id: `${batchId}.${row}.2`,
    reference: `${batchId}.${row}`,
    status: "sent",
    at: "2026-01-01T00:00:00.000Z",
  });
  const all = Array.from({ length: receipts }, (_, index) => one(index + 1));
  return JSON.stringify(receipts === 1 ? all[0] : { receipts: all });
}
