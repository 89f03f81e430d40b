// What can go wrong around a process: no room on its disk, a wrong clock, a neighbour that reads
// nothing.
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

/** Loaded into a process before everything else: its clock is off by LAB_CLOCK_SHIFT_MS. */
const clockPreload = pathToFileURL(join(import.meta.dirname, "shifted_clock.mjs")).href;

/**
 * The carrier cannot write another byte of its journal. (Linux: a limit on the size of its files,
 * prlimit(1).)
 */
export const simulatorDiskFull: Fault = {
  name: "carrier disk full",
  async begin({ cluster }) {
    const pid = cluster.pids().simulator;
    if (pid === null || pid === undefined) throw new Error("the carrier is not there");
    limitFiles(pid, "1");
    return async () => {
      // one that died of it was started again without the limit
      const isSame = cluster.pids().simulator === pid;
      if (isSame) limitFiles(pid, "unlimited");
      return { touches: 1 };
    };
  },
};

/** The server cannot write its log: it stops at once, and recovers when there is room again. */
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

/** Restarts the process with a clock that is off, and with the right one when the fault ends. */
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
 * A client subscribes to everything and never reads a byte, many times over. Touches: sockets that
 * webapi still held or had thrown out.
 */
export const socketsThatNeverRead: Fault = {
  name: "sockets that never read",
  async begin({ cluster, bulksmsIds }) {
    const sockets = await Promise.all(
      // webapi may be away just now
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

/** Null when webapi does not take it. */
async function openSocket(cluster: LabCluster): Promise<WebSocket | null> {
  const url = new URL("/ws", (cluster.urls.webapi ?? "").replace(/^http/, "ws"));
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${cluster.apiKey}` }, handshakeTimeout: 2_000 });
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once("open", () => resolve(true)).on("error", () => resolve(false));
  });
  return isOpen ? socket : null;
}

/**
 * Soft limit alone: whoever may set it may take it back. Asked as the user whose process it is: in
 * a container even root may need that.
 */
function limitFiles(pid: number, bytes: string, owner: { uid: number; gid: number } | null = null): void {
  try {
    execFileSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:`], { stdio: "pipe", ...(owner ?? {}) });
  } catch (error) {
    // it died of the limit before this one's turn came
    if (!/No such process/.test(String((error as { stderr?: Buffer }).stderr))) throw error;
  }
}
