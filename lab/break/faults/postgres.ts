// What can go wrong with a Postgres server: it stops at once, freezes, or drops its connections.
import { readdirSync, readFileSync } from "node:fs";
import type { DatabaseName } from "../../../src/contracts/processes.ts";
import { readSystemState } from "../../../src/local/data_folder.ts";
import { sendSignal } from "../../../src/local/engines/bound_process.ts";
import { openPostgres } from "../../../src/platform/postgres.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import type { LabCluster } from "../lab_cluster.ts";
import type { Fault } from "../stage/scenario.ts";

/**
 * SIGQUIT: every session ends immediately, and the next start recovers from the log. Down until the
 * fault ends.
 */
export function postgresStopped(name: DatabaseName): Fault {
  return {
    name: `postgres ${name} stopped`,
    async begin({ cluster }) {
      const count = (type: "engine_died" | "engine_ready"): number =>
        cluster.events.filter((event) => event.type === type && event.name === name).length;
      const before = { died: count("engine_died"), ready: count("engine_ready") };
      const release = cluster.holdDown(name);
      if (!cluster.kill(name, "SIGQUIT")) throw new Error(`${name} was not running, so it could not be stopped`);
      await cluster.waitFor(`${name} to be gone`, () => count("engine_died") > before.died);
      return async () => {
        release();
        await cluster.waitFor(`${name} to be back`, () => count("engine_ready") > before.ready);
        return { touches: 1 };
      };
    },
  };
}

/** SIGSTOP of the server and of every session. Touches: processes that were frozen. */
export function postgresFrozen(name: DatabaseName): Fault {
  return {
    name: `postgres ${name} frozen`,
    async begin({ cluster }) {
      const pids = serverPids(cluster, name).filter((pid) => sendSignal(pid, "SIGSTOP"));
      return async () => {
        for (const pid of pids) sendSignal(pid, "SIGCONT");
        return { touches: pids.length };
      };
    },
  };
}

/**
 * Terminates every session of the database except the audit's, repeatedly, until the fault ends.
 * Touches: sessions.
 */
export function connectionsTerminated(name: DatabaseName): Fault {
  return {
    name: `postgres ${name} connections terminated`,
    async begin({ cluster }) {
      const ownerUrl = cluster.settings[name === "ds" ? "BULKSMS_DS_OWNER_URL" : "BULKSMS_SALESDB_OWNER_URL"] ?? "";
      const sql = openPostgres(ownerUrl, { applicationName: "bulksms lab", connections: 1 });
      let touches = 0;
      let isOver = false;
      const terminating = (async () => {
        while (!isOver) {
          const ended = await sql`
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = ${name} and usename <> 'check' and pid <> pg_backend_pid()`;
          touches += ended.length;
          await sleep(200);
        }
      })();
      return async () => {
        isOver = true;
        await terminating.finally(() => sql.end({ timeout: 1 }));
        return { touches };
      };
    },
  };
}

/** The server and its children. @throws when the cluster did not start it */
export function serverPids(cluster: LabCluster, name: DatabaseName): number[] {
  const main = readSystemState(cluster.dataFolder)?.engines[name]?.pid;
  if (main === undefined) throw new Error(`${name} is not a server of this cluster`);
  return [main, ...childrenOf(main)];
}

/** Reads /proc: this fault needs Linux. */
function childrenOf(parent: number): number[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent ? [Number(entry)] : [];
    } catch {
      // it exited meanwhile
      return [];
    }
  });
}
