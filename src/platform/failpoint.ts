// Kills or freezes this process at a named place, the n-th time it gets there. Armed by runNode
// from BULKSMS_CRASH_AT, reached by the domains and nodes. One armed place a process, in this
// module: handing it down to each of the places would make arguments of it everywhere, for what is
// off in earnest.
import { writeSync } from "node:fs";
import { type FailpointName, failpointNames } from "../contracts/failpoints.ts";
import { ConfigError, type Environment, isLoopback, nearest, readConfig } from "./config.ts";

interface Armed {
  name: FailpointName;
  /** Acts at this hit, counted from 1. */
  hit: number;
  action: "kill" | "freeze";
  hits: Map<FailpointName, number>;
}

let armed: Armed | null = null;

/** A signal to oneself is taken within microseconds; meanwhile no further line may run. */
const signalWaitMs = 1_000;

/** Does nothing unless armed: one comparison. */
export function reachFailpoint(name: FailpointName): void {
  if (armed !== null) count(armed, name);
}

/** @throws ConfigError as `readFailpoint` */
export function armFailpoint(environment: Environment): void {
  armed = readFailpoint(environment);
}

/**
 * Reads BULKSMS_CRASH_AT: `name:n` kills this process by SIGKILL at the n-th hit, `name:n:freeze`
 * stops it by SIGSTOP, once.
 * @throws ConfigError when there is no such place (naming the nearest), or a door is open beyond
 * loopback: nobody else's system is to be killed.
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

/** How often each place was reached since this process was armed; null: it is not. */
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
    // at once: nothing that waits in a stream would outlive us
    writeSync(process.stderr.fd, `${line}\n`);
  } catch {
    // a full pipe: whoever watches sees the signal
  }
  process.kill(process.pid, action === "kill" ? "SIGKILL" : "SIGSTOP");
  if (action === "kill") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, signalWaitMs);
}
