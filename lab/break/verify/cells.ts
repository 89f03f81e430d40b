// The matrix of `verify:faults`: every link in every mode, every process by kill and freeze,
// engines, operators, resources, weather. A cell is a scenario, made from its fault; `lab run NAME`
// runs a single cell too.
import { databaseNames, processNames } from "../../../src/contracts/processes.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { linkFaultModes, linkNames } from "../../../testing/links/links.ts";
import { linkFault } from "../faults/links.ts";
import { cancelAndKill, pauseAndKill, rollingRestart, twoRuns } from "../faults/operators.ts";
import { connectionsTerminated, postgresFrozen, postgresStopped } from "../faults/postgres.ts";
import { freeze, keepDown, kill, killAll } from "../faults/processes.ts";
import { redisDown, redisEmptied, redisLostTail, redisOutOfMemory, redisRestarted, redisWiped } from "../faults/redis.ts";
import { clockOff, postgresDiskFull, simulatorDiskFull, socketsThatNeverRead } from "../faults/resources.ts";
import { loadScenario, scenarioNames } from "../scenarios/all.ts";
import type { Fault, Scenario, Workload } from "../stage/scenario.ts";

/**
 * At the lab's 200 parts per second, some two seconds of submits: the fault begins in the middle of
 * them.
 */
const contacts = 400;
/** A fault begins at a seeded moment within this time after the first message is in flight. */
const beginWithinMs = 700;
const linkFaultMs = 1_500;
/** Longer than every lease and time limit of the lab's settings. */
const freezeMs = 4_000;
const downMs = 2_000;
const hourMs = 3_600_000;

interface Cell {
  name: string;
  shows: string;
  fault: Fault;
  forMs: number;
  workload?: Partial<Workload>;
}

/** All cells, in the order of the matrix. */
export async function matrixCells(): Promise<Scenario[]> {
  const weather = await Promise.all(
    scenarioNames()
      .filter((name) => name.startsWith("weather-"))
      .map(loadScenario),
  );
  return [...cells().map(scenarioOf), ...weather.filter((found) => found !== null)];
}

function cells(): Cell[] {
  return [...linkCells(), ...processCells(), ...engineCells(), ...operatorCells(), ...resourceCells()];
}

function linkCells(): Cell[] {
  const description = {
    reset: "every connection is cut, new ones too",
    blackhole: "bytes vanish both ways, connections stay open",
    drop_replies: "requests arrive, replies are lost",
    delay: "everything arrives 2.5 s late, even after its sender has given up",
    slow: "2,000 bytes per second",
  };
  return linkNames.flatMap((link) =>
    linkFaultModes.map((mode) => ({
      name: `link-${link}-${mode.replaceAll("_", "-")}`,
      shows: `${link.replace("-", " to ")}: ${description[mode]}`,
      fault: linkFault(link, mode),
      // late data must have time to arrive
      forMs: mode === "delay" ? 3_000 : linkFaultMs,
    })),
  );
}

function processCells(): Cell[] {
  const single = processNames.flatMap((name) => [
    { name: `process-${name}-kill`, shows: `kill -9 of ${name}`, fault: kill(name), forMs: 0 },
    { name: `process-${name}-down`, shows: `${name} is dead for two seconds`, fault: keepDown(name), forMs: downMs },
    { name: `process-${name}-freeze`, shows: `${name} freezes past every lease, then wakes`, fault: freeze(name), forMs: freezeMs },
  ]);
  return [...single, { name: "process-all-kill", shows: "kill -9 of all six at once", fault: killAll, forMs: 0 }];
}

function engineCells(): Cell[] {
  const redis = [
    { name: "redis-restart", shows: "Redis is restarted", fault: redisRestarted, forMs: 0 },
    { name: "redis-down", shows: "Redis is killed and away for two seconds", fault: redisDown, forMs: downMs },
    { name: "redis-lost-tail", shows: "Redis loses the last third of its log", fault: redisLostTail, forMs: 0 },
    { name: "redis-wiped", shows: "FLUSHALL", fault: redisWiped, forMs: 0 },
    { name: "redis-emptied", shows: "Redis is down for five seconds and comes back empty", fault: redisEmptied, forMs: 5_000 },
    { name: "redis-out-of-memory", shows: "Redis refuses every write", fault: redisOutOfMemory, forMs: downMs },
  ];
  const postgres = databaseNames.flatMap((name) => [
    {
      name: `postgres-${name}-stop`,
      shows: `${name} stops at once, is away for two seconds, recovers`,
      fault: postgresStopped(name),
      forMs: downMs,
    },
    { name: `postgres-${name}-freeze`, shows: `the server of ${name} is frozen`, fault: postgresFrozen(name), forMs: freezeMs },
    {
      name: `postgres-${name}-terminate`,
      shows: `sessions of ${name} are terminated again and again`,
      fault: connectionsTerminated(name),
      forMs: linkFaultMs,
    },
  ]);
  return [...redis, ...postgres];
}

function operatorCells(): Cell[] {
  return [
    { name: "operators-two-runs", shows: "one campaign is run twice at once", fault: twoRuns, forMs: 0 },
    { name: "operators-pause-and-kill", shows: "a campaign is paused while its worker dies", fault: pauseAndKill, forMs: linkFaultMs },
    {
      name: "operators-cancel-and-kill",
      shows: "a campaign is canceled while its worker dies",
      fault: cancelAndKill,
      forMs: 0,
      // what was written to the carrier when the worker died is resolved by its deadline at the
      // latest
      workload: { endsAreOpen: true, deadlineS: 8 },
    },
    {
      name: "operators-rolling-restart",
      shows: "every process is restarted in turn under load",
      fault: rollingRestart,
      forMs: 0,
      workload: { campaigns: 2, contacts: 500 },
    },
  ];
}

function resourceCells(): Cell[] {
  return [
    {
      name: "slow-simulator",
      shows: "the carrier reads one byte per second",
      fault: linkFault("sales_worker-simulator", "slow", { bytesPerSecond: 1 }),
      forMs: 3_000,
    },
    { name: "slow-sockets", shows: "twenty WebSockets never read a byte", fault: socketsThatNeverRead, forMs: 2_000 },
    { name: "disk-full-simulator", shows: "the carrier cannot write its journal", fault: simulatorDiskFull, forMs: downMs },
    ...databaseNames.map((name) => ({
      name: `disk-full-${name}`,
      shows: `the server of ${name} cannot write`,
      fault: postgresDiskFull(name),
      forMs: downMs,
    })),
    ...(["salesapi", "sales_worker", "simulator"] as const).flatMap((name) => [
      { name: `clock-ahead-${name}`, shows: `the clock of ${name} is an hour ahead`, fault: clockOff(name, hourMs), forMs: downMs },
      { name: `clock-behind-${name}`, shows: `the clock of ${name} is an hour behind`, fault: clockOff(name, -hourMs), forMs: downMs },
    ]),
  ];
}

function scenarioOf({ name, shows, fault, forMs, workload }: Cell): Scenario {
  return {
    name,
    shows,
    workload: { campaigns: 1, contacts, ...workload },
    async faults(stage) {
      await stage.untilInFlight();
      await sleep(stage.random() * beginWithinMs);
      await stage.inflict(fault, forMs);
    },
  };
}
