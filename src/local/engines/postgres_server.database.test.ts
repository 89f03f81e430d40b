// The embedded Postgres: recovery after kill -9, stale pid files, passwords, two servers at once.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openPostgres } from "../../platform/postgres.ts";
import { waitUntil } from "../../platform/time/wait_until.ts";
import { hasEnded } from "./bound_process.ts";
import { startPostgresServer } from "./postgres_server.ts";
import type { RunningEngine } from "./running_engine.ts";

// initdb takes seconds on a busy machine
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let folder: string;
let server: RunningEngine;
const start = (password = "first") =>
  startPostgresServer({ folder: join(folder, "postgres"), mark: "test", preferredPort: 0, password, databases: ["ds"] });

async function query(engine: RunningEngine, statement: string): Promise<unknown[]> {
  const sql = openPostgres(engine.url("ds"), { applicationName: "postgres_server.test", connections: 1 });
  try {
    return [...(await sql.unsafe(statement))];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bulksms-postgres-test-"));
  chmodSync(folder, 0o711);
  server = await start();
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("it is version 18, in UTF-8, and listens on loopback alone", async () => {
  const [row] = await query(
    server,
    "select current_setting('server_version_num')::int / 10000 as major, pg_encoding_to_char(encoding) as encoding, current_setting('listen_addresses') as listens, current_setting('unix_socket_directories') as sockets from pg_database where datname = 'ds'",
  );
  expect(row).toEqual({ major: 18, encoding: "UTF8", listens: "127.0.0.1", sockets: "" });
});

test("every committed row is there after kill -9 of the server, and a lying pid file does not stop it", async () => {
  await query(server, "create table kept (a int)");
  await query(server, "insert into kept select generate_series(1, 1000)");
  const dead = server;
  dead.child.kill("SIGKILL");
  expect(await waitUntil(() => hasEnded(dead.child), 10_000)).toBe(true);
  // after a reboot the server's pid may belong to any process: here to this test
  const pidFile = join(folder, "postgres", "data", "postmaster.pid");
  writeFileSync(pidFile, readFileSync(pidFile, "utf8").replace(/^\d+/, String(process.pid)));
  server = await start();
  expect(await query(server, "select count(*)::int as rows from kept")).toEqual([{ rows: 1000 }]);
});

test("a wrong password for an existing data folder is said, and no server is left behind", async () => {
  await server.stop();
  const error = await start("second").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "EngineError", message: "PostgreSQL runs but does not let us in" });
  server = await start();
  expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("its log names no statement and no value of a refused row", async () => {
  await query(server, "create table numbers (msisdn bigint primary key)");
  await query(server, "insert into numbers values (358401234567)");
  await expect(query(server, "insert into numbers values (358401234567)")).rejects.toMatchObject({ code: "23505" });
  const log = readFileSync(join(folder, "postgres", "postgres.log"), "utf8");
  expect(log).toContain("duplicate key");
  expect(log).not.toContain("358401234567");
});

test("a busy port means another one", async () => {
  const options = { mark: "test", password: "x", databases: [] };
  const other = await startPostgresServer({ ...options, folder: join(folder, "other"), preferredPort: server.port });
  expect(other.port).not.toBe(server.port);
  await other.stop();
});
