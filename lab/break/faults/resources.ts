// What can go wrong around a process: a full disk, a wrong clock, a client that reads nothing.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { WebSocket } from "ws";
import type { DatabaseName, ProcessName } from "../../../src/contracts/processes.ts";
import { serverUser } from "../../../src/local/engines/reachable_place.ts";
import type { LabCluster } from "../lab_cluster.ts";
import type { Fault } from "../stage/scenario.ts";
import { serverPids } from "./postgres.ts";
import { restartWell } from "./processes.ts";

/** Preloaded into a process: shifts its clock by LAB_CLOCK_SHIFT_MS. */
const clockPreload = pathToFileURL(join(import.meta.dirname, "shifted_clock.mjs")).href;

/**
 * The carrier cannot write another byte of its journal. (Linux only: a limit on file size,
 * prlimit(1).)
 */
export const simulatorDiskFull: Fault = {
  name: "carrier disk full",
  async begin({ cluster }) {
    const pid = cluster.pids().simulator;
    if (pid === null || pid === undefined) throw new Error("the carrier is not running");
    limitFiles(pid, "1");
    return async () => {
      // if it died of the limit, its successor was started without it
      const isSame = cluster.pids().simulator === pid;
      if (isSame) limitFiles(pid, "unlimited");
      return { touches: 1 };
    };
  },
};

/** The server cannot write its log: it stops at once, and recovers when it can write again. */
export function postgresDiskFull(name: DatabaseName): Fault {
  return {
    name: `postgres ${name} disk full`,
    async begin({ cluster }) {
      const pids = serverPids(cluster, name);
      for (const pid of pids) limitFiles(pid, "1", serverUser());
      return async () => {
        for (const pid of pids) limitFiles(pid, "unlimited", serverUser());
        return { touches: pids.length };
      };
    },
  };
}

/** Restarts the process with a shifted clock, and with the right one when the fault ends. */
export function clockOff(name: ProcessName, shiftMs: number): Fault {
  return {
    name: `clock of ${name} off by ${shiftMs / 60_000} min`,
    async begin({ cluster }) {
      cluster.setEnvironment(name, { NODE_OPTIONS: `--import=${clockPreload}`, LAB_CLOCK_SHIFT_MS: String(shiftMs) });
      await restartWell(cluster, name);
      return async () => {
        cluster.setEnvironment(name, null);
        await restartWell(cluster, name);
        return { touches: 1 };
      };
    },
  };
}

const socketMaxMs = 20_000;

/**
 * Many clients subscribe to everything and never read a byte. Touches: sockets that webapi still
 * held or had dropped.
 */
export const socketsThatNeverRead: Fault = {
  name: "sockets that never read",
  async begin({ cluster, bulksmsIds }) {
    const sockets = await Promise.all(
      // webapi may be away now
      Array.from({ length: 20 }, () => cluster.waitFor("a WebSocket to be opened", () => openSocket(cluster), socketMaxMs)),
    );
    for (const socket of sockets) {
      const channels = bulksmsIds.map((channel) => ({ topic: "bulksms_progress", channel }));
      socket.send(JSON.stringify({ subscribe: [...channels, { topic: "workspace_credit", channel: cluster.workspaceId }] }));
      socket.pause();
    }
    return async () => {
      for (const socket of sockets) socket.terminate();
      return { touches: sockets.length };
    };
  },
};

/** Null when webapi does not accept it. */
async function openSocket(cluster: LabCluster): Promise<WebSocket | null> {
  const url = new URL("/ws", (cluster.urls.webapi ?? "").replace(/^http/, "ws"));
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${cluster.apiKey}` }, handshakeTimeout: 2_000 });
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once("open", () => resolve(true)).on("error", () => resolve(false));
  });
  return isOpen ? socket : null;
}

/**
 * Sets the soft limit only, so that the same user can restore it. Runs as the owner of the process:
 * in a container even root may need that.
 */
function limitFiles(pid: number, bytes: string, owner: { uid: number; gid: number } | null = null): void {
  try {
    execFileSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:`], { stdio: "pipe", ...(owner ?? {}) });
  } catch (error) {
    // it died of the limit before its turn came
    if (!/No such process/.test(String((error as { stderr?: Buffer }).stderr))) throw error;
  }
}
