// What can go wrong with Redis: it stops, loses its last writes or all of them, is away, or runs
// out of memory.
import { closeSync, ftruncateSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { openRedis } from "../../../src/platform/redis.ts";
import type { LabCluster } from "../lab_cluster.ts";
import type { EndFault, Fault } from "../stage/scenario.ts";

/** SIGTERM: it writes everything and exits; the supervisor restarts it. */
export const redisRestarted: Fault = {
  name: "redis restarted",
  begin: ({ cluster }) => takeDown(cluster, "SIGTERM", () => 1),
};

/**
 * Down until the fault ends, then back with the contents of its file. kill -9 loses nothing: the
 * page cache has it.
 */
export const redisDown: Fault = {
  name: "redis down",
  begin: ({ cluster }) => takeDown(cluster, "SIGKILL", () => 1),
};

/** What a power cut does: the end of the append-only file never reached the disk. */
export const redisLostTail: Fault = {
  name: "redis lost its tail",
  begin: ({ cluster }) => takeDown(cluster, "SIGKILL", () => cutTail(appendOnlyFolder(cluster))),
};

/** Down until the fault ends, then back empty. */
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
 * Stops Redis, keeps it down until the fault ends, and changes its files meanwhile. Touches: what
 * `change` returns.
 */
async function takeDown(cluster: LabCluster, signal: NodeJS.Signals, change: () => number): Promise<EndFault> {
  const deaths = (): number => cluster.events.filter((event) => event.type === "engine_died" && event.name === "redis").length;
  const starts = (): number => cluster.events.filter((event) => event.type === "engine_ready" && event.name === "redis").length;
  const before = { deaths: deaths(), starts: starts() };
  const release = cluster.holdDown("redis");
  if (!cluster.kill("redis", signal)) throw new Error("redis was not running, so it could not be stopped");
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
 * Cuts off the last third, in the middle of a command: Redis drops the partial one when it loads.
 * @returns bytes lost
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
