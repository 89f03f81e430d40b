// Where Redis comes from if it is not installed. Fetches real Debian packages, so it needs apt-get
// and its mirror.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRedis } from "../../platform/redis.ts";
import { findOnPath } from "./bound_process.ts";
import type { EngineError } from "./engine_error.ts";
import { findRedisBinary } from "./redis_binaries.ts";
import { startRedisServer } from "./redis_server.ts";

const hasPackages = process.platform === "linux" && findOnPath("apt-get") !== null && findOnPath("dpkg") !== null;
let folder: string;
/** Everything on PATH except Redis. */
let pathWithoutRedis: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "bulksms-redis-test-"));
  pathWithoutRedis = join(folder, "bin");
  mkdirSync(pathWithoutRedis);
  for (const from of (process.env.PATH ?? "").split(":").reverse()) linkAll(from);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function linkAll(from: string): void {
  let names: string[] = [];
  try {
    names = readdirSync(from);
  } catch {
    return; // a folder of PATH that does not exist
  }
  for (const name of names) {
    if (/redis|valkey/.test(name)) continue;
    rmSync(join(pathWithoutRedis, name), { force: true });
    symlinkSync(join(from, name), join(pathWithoutRedis, name));
  }
}

test.runIf(hasPackages)(
  "with the installed Redis hidden, two starts at once fetch it from Debian packages, and it serves",
  async (context) => {
    const cache = join(folder, "cache");
    let fetched = 0;
    const search = { path: pathWithoutRedis, cache, onFetch: () => fetched++ };
    const found = await Promise.all([findRedisBinary(search), findRedisBinary(search)]).catch((error: EngineError) => {
      if (/resolving|Could not connect|Connection timed out/.test(error.why)) context.skip("no Debian mirror can be reached from here");
      throw error;
    });
    expect(fetched).toBe(2);
    for (const binary of found) {
      expect(binary.file.startsWith(cache)).toBe(true);
      expect(
        execFileSync(binary.file, ["--version"], { env: { LD_LIBRARY_PATH: binary.libraryFolder ?? "" }, encoding: "utf8" }),
      ).toContain("v=");
    }
    // neither left its draft behind
    expect(readdirSync(cache)).toHaveLength(1);

    const server = await startRedisServer({ folder: join(folder, "data"), preferredPort: 0, search });
    expect(fetched).toBe(2);
    const redis = openRedis(server.url("0"), { connectionName: "redis_binaries.test", isBlocking: true });
    expect(await redis.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
    expect(await redis.config("GET", "appendonly")).toEqual(["appendonly", "yes"]);
    redis.disconnect();
    await server.stop();
  },
  240_000,
);

test("without Redis and without apt-get the error says in three lines what to install", async () => {
  const empty = mkdtempSync(join(folder, "empty-"));
  const error = await findRedisBinary({ path: empty, cache: folder }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "EngineError", message: "no Redis server on this machine" });
  expect((error as { remedy: string }).remedy).toMatch(/install redis/);
});

test("an installed Redis that is too old for the queues is passed over", async () => {
  const old = mkdtempSync(join(folder, "old-"));
  writeFileSync(join(old, "redis-server"), "#!/bin/sh\necho 'Redis server v=5.0.14 sha=0'\n", { mode: 0o755 });
  writeFileSync(join(old, "valkey-server"), "#!/bin/sh\necho 'Server v=8.0.1 sha=0'\n", { mode: 0o755 });
  expect(await findRedisBinary({ path: `${old}:${process.env.PATH}` })).toMatchObject({ file: join(old, "valkey-server"), from: "path" });
});
