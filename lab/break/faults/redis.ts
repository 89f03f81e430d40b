// What can go wrong with Redis: it ends, it forgets its last words or all of them, it is away, it
// has no memory left.
import { closeSync, ftruncateSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { openRedis } from "../../../src/platform/redis.ts";
import type { LabCluster } from "../lab_cluster.ts";
import type { EndFault, Fault } from "../stage/scenario.ts";

/** SIGTERM: it writes all it has and ends; the supervisor starts it again. */
export const redisRestarted: Fault = {
  name: "redis restarted",
  begin: ({ cluster }) => takeDown(cluster, "SIGTERM", () => 1),
};

/**
 * Down until the fault ends, with what its file has. kill -9 loses nothing: the page cache has it.
 */
export const redisDown: Fault = {
  name: "redis down",
  begin: ({ cluster }) => takeDown(cluster, "SIGKILL", () => 1),
};

/** What a power cut does: the last part of the append-only file was never on the disk. */
export const redisLostTail: Fault = {
  name: "redis lost its tail",
  begin: ({ cluster }) => takeDown(cluster, "SIGKILL", () => cutTail(appendOnlyFolder(cluster))),
};

/** Down until the fault ends, then back with nothing. */
export const redisEmptied: Fault = {
  name: "redis back empty",
  begin: ({ cluster }) =>
    takeDown(cluster, "SIGKILL", () => {
      const bytes = tailFiles(appendOnlyFolder(cluster)).reduce((sum, file) => sum + statSync(file).size, 0);
      rmSync(appendOnlyFolder(cluster), { recursive: true, force: true });
      return bytes;
    }),
};

/** FLUSHALL while everybody is connected. Touches: keys. */
export const redisWiped: Fault = {
  name: "redis wiped",
  async begin({ cluster }) {
    const keys = await withRedis(cluster, async (redis) => {
      const count = await redis.dbsize();
      await redis.flushall();
      return count;
    });
    return async () => ({ touches: keys });
  },
};

/** Every write is refused with OOM. Touches: refusals. */
export const redisOutOfMemory: Fault = {
  name: "redis out of memory",
  async begin({ cluster }) {
    const before = await withRedis(cluster, async (redis) => {
      const count = refusals(await redis.info("errorstats"));
      await redis.config("SET", "maxmemory", "1");
      return count;
    });
    return async () => ({
      touches: await withRedis(cluster, async (redis) => {
        await redis.config("SET", "maxmemory", "0");
        return refusals(await redis.info("errorstats")) - before;
      }),
    });
  },
};

type Redis = ReturnType<typeof openRedis>;

async function withRedis<T>(cluster: LabCluster, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = openRedis(cluster.settings.BULKSMS_REDIS_URL ?? "", { connectionName: "lab", isBlocking: true });
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** `errorstat_OOM:count=12` */
function refusals(info: string): number {
  return Number(/^errorstat_OOM:count=(\d+)/m.exec(info)?.[1] ?? 0);
}

/**
 * Ends it, holds it down until the fault is over, and changes its files meanwhile. Touches: what
 * `change` says.
 */
async function takeDown(cluster: LabCluster, signal: NodeJS.Signals, change: () => number): Promise<EndFault> {
  const deaths = (): number => cluster.events.filter((event) => event.type === "engine_died" && event.name === "redis").length;
  const starts = (): number => cluster.events.filter((event) => event.type === "engine_ready" && event.name === "redis").length;
  const before = { deaths: deaths(), starts: starts() };
  const release = cluster.holdDown("redis");
  if (!cluster.kill("redis", signal)) throw new Error("redis was not there to be ended");
  await cluster.waitFor("redis to be gone", () => deaths() > before.deaths);
  const touches = change();
  return async () => {
    release();
    await cluster.waitFor("redis to be back", () => starts() > before.starts);
    return { touches };
  };
}

const appendOnlyFolder = (cluster: LabCluster): string => join(cluster.dataFolder, "redis", "appendonlydir");

function tailFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".incr.aof"))
    .map((file) => join(folder, file));
}

/**
 * Cuts the last third, in the middle of a command: Redis drops the half one when it loads. @returns
 * bytes lost
 */
function cutTail(folder: string): number {
  const file = tailFiles(folder).sort().at(-1);
  if (file === undefined) return 0;
  const bytes = statSync(file).size;
  const kept = Math.floor((bytes * 2) / 3);
  const handle = openSync(file, "r+");
  ftruncateSync(handle, kept);
  closeSync(handle);
  return bytes - kept;
}
