// Kills or freezes this process at a named place, the n-th time it gets there. Armed by runNode
// from BULKSMS_CRASH_AT, reached by the domains and nodes. The armed place is module state, one per
// process: passing it down would add an argument everywhere for something that is off in
// production.
import { writeSync } from "node:fs";
import { type FailpointName, failpointNames } from "../contracts/failpoints.ts";
import { ConfigError, type Environment, isLoopback, nearest, readConfig } from "./config.ts";

interface Armed {
  name: FailpointName;
  /** Acts on this hit, counted from 1. */
  hit: number;
  action: "kill" | "freeze";
  hits: Map<FailpointName, number>;
}

let armed: Armed | null = null;

/** A signal to oneself is delivered within microseconds; no further line may run until then. */
const signalWaitMs = 1_000;

/** Does nothing unless armed; costs one comparison. */
export function reachFailpoint(name: FailpointName): void {
  if (armed !== null) count(armed, name);
}

/** @throws ConfigError like `readFailpoint` */
export function armFailpoint(environment: Environment): void {
  armed = readFailpoint(environment);
}

/**
 * Reads BULKSMS_CRASH_AT: `name:n` kills this process with SIGKILL at the n-th hit, `name:n:freeze`
 * stops it with SIGSTOP, once.
 * @throws ConfigError if there is no such place (naming the nearest), or if a listener is open
 * beyond loopback: nobody else's system may be killed
 */
export function readFailpoint(environment: Environment): Armed | null {
  const { host, crashAt } = readConfig(environment, { host: "BULKSMS_HOST", crashAt: "BULKSMS_CRASH_AT" }, { optional: ["crashAt"] });
  if (crashAt === undefined) return null;
  const [name = "", hit = "1", action = "kill"] = crashAt.split(":");
  const known = failpointNames.find((candidate) => candidate === name);
  if (known === undefined) {
    throw new ConfigError([`BULKSMS_CRASH_AT: there is no crash point ${name}, did you mean ${nearest(name, failpointNames)}?`]);
  }
  if (!isLoopback(host)) throw new ConfigError([`BULKSMS_CRASH_AT: is for experiments on loopback, and BULKSMS_HOST is ${host}`]);
  return { name: known, hit: Number(hit), action: action === "freeze" ? "freeze" : "kill", hits: new Map() };
}

/** How often each place was reached since this process was armed; null if it is not armed. */
export function failpointHits(): ReadonlyMap<FailpointName, number> | null {
  return armed?.hits ?? null;
}

function count(point: Armed, name: FailpointName): void {
  const hit = (point.hits.get(name) ?? 0) + 1;
  point.hits.set(name, hit);
  if (name === point.name && hit === point.hit) act(point);
}

function act({ name, hit, action }: Armed): void {
  const line = JSON.stringify({ event: `failpoint.${action}`, name, hit, pid: process.pid });
  try {
    // written synchronously: whatever waits in a stream would be lost with the process
    writeSync(process.stderr.fd, `${line}\n`);
  } catch {
    // the pipe is full; a watcher still sees the signal
  }
  process.kill(process.pid, action === "kill" ? "SIGKILL" : "SIGSTOP");
  if (action === "kill") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, signalWaitMs);
}
