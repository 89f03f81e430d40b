// What can go wrong with a process: killed, kept down, frozen; also all of them at once.
import { type ProcessName, processNames } from "../../../src/contracts/processes.ts";
import type { LabCluster } from "../lab_cluster.ts";
import type { Fault } from "../stage/scenario.ts";

/** kill -9; the supervisor restarts it at once. */
export function kill(name: ProcessName): Fault {
  return {
    name: `process ${name} killed`,
    async begin({ cluster }) {
      await killNow(cluster, name);
      return async () => ({ touches: 1 });
    },
  };
}

/** kill -9 of all six at once. */
export const killAll: Fault = {
  name: "all six processes killed",
  async begin({ cluster }) {
    await Promise.all(processNames.map((name) => killNow(cluster, name)));
    return async () => ({ touches: processNames.length });
  },
};

/** kill -9, and no restart before the fault ends. */
export function keepDown(name: ProcessName): Fault {
  return {
    name: `process ${name} down`,
    async begin({ cluster }) {
      const release = cluster.holdDown(name);
      await killNow(cluster, name);
      return async () => {
        release();
        return { touches: 1 };
      };
    },
  };
}

/**
 * SIGSTOP until the fault ends: its sockets stay open, its leases expire, then it continues as if
 * nothing had happened.
 */
export function freeze(name: ProcessName): Fault {
  return {
    name: `process ${name} frozen`,
    async begin({ cluster }) {
      const pid = cluster.pids()[name] ?? null;
      const isFrozen = cluster.kill(name, "SIGSTOP");
      return async () => {
        // the same process must wake: a new one under its name was never frozen
        const isSame = cluster.pids()[name] === pid && cluster.kill(name, "SIGCONT");
        return { touches: isFrozen && isSame ? 1 : 0 };
      };
    },
  };
}

/**
 * A restart as an operator does it: SIGTERM, it drains, the next one starts. Resolves when the new
 * one is ready.
 */
export async function restartWell(cluster: LabCluster, name: ProcessName): Promise<void> {
  await replace(cluster, name, "SIGTERM");
}

async function killNow(cluster: LabCluster, name: ProcessName): Promise<void> {
  const before = cluster.pids()[name];
  if (before === null || before === undefined || !cluster.kill(name, "SIGKILL"))
    throw new Error(`${name} was not running, so it could not be killed`);
  await cluster.waitFor(`${name} to be gone`, () => cluster.pids()[name] !== before);
}

async function replace(cluster: LabCluster, name: ProcessName, signal: "SIGTERM"): Promise<void> {
  const before = cluster.pids()[name];
  if (!cluster.kill(name, signal)) throw new Error(`${name} was not running, so it could not be restarted`);
  await cluster.waitFor(`another ${name} to be ready`, () => cluster.pids()[name] !== before && cluster.isReady(name));
}
