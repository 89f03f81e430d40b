// What a seed stands for in `verify:chaos`: campaigns, faults with their moments, operators'
// commands, weather. Pure, so that a seed repeats its run.
import { databaseNames, processNames } from "../../../src/contracts/processes.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import { linkFaultModes, linkNames } from "../../../testing/links/links.ts";
import { createRandom, pick } from "../../../testing/random.ts";
import { linkFault } from "../faults/links.ts";
import { connectionsTerminated, postgresFrozen, postgresStopped } from "../faults/postgres.ts";
import { freeze, keepDown, kill } from "../faults/processes.ts";
import { redisDown, redisEmptied, redisLostTail, redisOutOfMemory, redisRestarted, redisWiped } from "../faults/redis.ts";
import { clockOff, postgresDiskFull, simulatorDiskFull, socketsThatNeverRead } from "../faults/resources.ts";
import { type WeatherInput, weatherFault } from "../faults/weather.ts";
import type { Fault, Workload } from "../stage/scenario.ts";
import type { CommandName } from "./chaos_operators.ts";

export interface ChaosPlan {
  seed: number;
  workload: Workload;
  faults: readonly PlannedFault[];
  commands: readonly PlannedCommand[];
  /** Null: clear. */
  weather: WeatherInput | null;
}

export interface PlannedFault {
  fault: Fault;
  /** What it affects; no two faults of a run affect the same thing. */
  target: string;
  /** Since the first messages were in flight. */
  beginMs: number;
  forMs: number;
}

export interface PlannedCommand {
  name: CommandName;
  /** Index of one of the run's campaigns. */
  campaign: number;
  beginMs: number;
}

export interface ChaosSystem {
  description: string;
  settings: SystemSettings;
  /** sales_workers beside the supervised one. */
  otherWorkers: number;
}

/** Runs with another system need another cluster; a run's seed determines the system. */
export const chaosSystems: readonly ChaosSystem[] = [
  { description: "as in the lab", settings: {}, otherWorkers: 0 },
  {
    description: "tiny chunks, single receipts",
    settings: { BULKSMS_CHUNK_ROWS: "5", BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: "1" },
    otherWorkers: 0,
  },
  { description: "two sales_workers", settings: { BULKSMS_CHUNK_ROWS: "10" }, otherWorkers: 1 },
  {
    description: "a quick carrier, large chunks and bodies",
    // slow enough that a fault begins before all is over; and the phones need time
    settings: {
      BULKSMS_SIMULATOR_MPS_MAX: "600",
      BULKSMS_SIMULATOR_SPEED: "4",
      BULKSMS_CHUNK_ROWS: "100",
      BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: "100",
    },
    otherWorkers: 0,
  },
];

export const systemOf = (seed: number): ChaosSystem => chaosSystems[seed % chaosSystems.length] as ChaosSystem;

/** Faults begin within this time: most of a campaign is still to come then. */
const beginMaxMs = 1_200;
/**
 * Of all campaigns of a run together: at the lab's 200 parts per second, at least a second and a
 * half of submits.
 */
const messages = { from: 300, to: 450 };
const faultsMax = 4;
const linkMs = { from: 300, to: 2_500 };
const engineMs = { from: 200, to: 2_000 };
/** Shorter than every lease, or longer than all of them. */
const freezeMs = { from: 500, to: 4_000 };
const hourMs = 3_600_000;
/**
 * Only a deadline ends a message whose receipts are lost, or whose submit a cancel has left in
 * doubt; a late receipt comes after it.
 */
const deadlineS = 6;
const weatherShare = 0.35;
const operatorShare = 0.4;
const visitorShare = 0.5;

export function planChaos(seed: number): ChaosPlan {
  const random = createRandom(seed);
  const weather = random() < weatherShare ? drawWeather(random) : null;
  const campaigns = 1 + Math.floor(random() * 3);
  const commands = random() < operatorShare ? drawCommands(random, campaigns) : [];
  const losesReceipts = weather?.lost !== undefined || weather?.late !== undefined;
  const hasDeadline = losesReceipts || commands.some(({ name }) => name === "cancel");
  // otherwise receipts of the visitors' campaigns, which have no deadline, would be lost too
  const isAlone = losesReceipts || random() >= visitorShare;
  return {
    seed,
    workload: {
      campaigns,
      contacts: Math.ceil(between(random, messages) / campaigns),
      ...(hasDeadline ? { deadlineS, endsAreOpen: true as const } : {}),
      ...(isAlone ? { hasNoVisitors: true as const } : {}),
    },
    faults: drawFaults(random),
    commands,
    weather,
  };
}

/** The faults in words: the head of a run. */
export function describePlan({ faults, commands, weather }: ChaosPlan): string {
  return [
    ...faults.map(({ fault }) => fault.name),
    ...(weather === null ? [] : [weatherFault(weather).name]),
    ...(commands.length === 0 ? [] : [`operators ${commands.map(({ name }) => name).join(", ")}`]),
  ].join(" + ");
}

function drawFaults(random: () => number): PlannedFault[] {
  const wanted = 1 + Math.floor(random() * faultsMax);
  const drawn: PlannedFault[] = [];
  while (drawn.length < wanted) {
    const fault = drawFault(random);
    if (!drawn.some(({ target }) => target === fault.target)) drawn.push({ ...fault, beginMs: Math.round(random() * beginMaxMs) });
  }
  return drawn;
}

type Drawn = Omit<PlannedFault, "beginMs">;

/**
 * Links most often: there are more of them than of anything else, and a loss there is the hardest
 * to detect.
 */
function drawFault(random: () => number): Drawn {
  const kind = random();
  if (kind < 0.4) {
    const link = pick(linkNames, random);
    return { fault: linkFault(link, pick(linkFaultModes, random)), target: `link ${link}`, forMs: between(random, linkMs) };
  }
  if (kind < 0.7) return drawProcessFault(random);
  if (kind < 0.82) {
    const fault = pick([redisRestarted, redisDown, redisLostTail, redisEmptied, redisWiped, redisOutOfMemory], random);
    return { fault, target: "redis", forMs: between(random, engineMs) };
  }
  if (kind < 0.94) {
    const database = pick(databaseNames, random);
    const fault = pick([postgresStopped, postgresFrozen, connectionsTerminated], random)(database);
    return { fault, target: database, forMs: between(random, engineMs) };
  }
  return drawResourceFault(random);
}

function drawProcessFault(random: () => number): Drawn {
  const target = pick(processNames, random);
  const kind = random();
  if (kind < 0.4) return { fault: kill(target), target, forMs: 0 };
  if (kind < 0.7) return { fault: keepDown(target), target, forMs: between(random, engineMs) };
  return { fault: freeze(target), target, forMs: between(random, freezeMs) };
}

function drawResourceFault(random: () => number): Drawn {
  const forMs = between(random, engineMs);
  const kind = random();
  if (kind < 0.25) return { fault: simulatorDiskFull, target: "simulator", forMs };
  if (kind < 0.5) {
    const database = pick(databaseNames, random);
    return { fault: postgresDiskFull(database), target: database, forMs };
  }
  if (kind < 0.75) return { fault: socketsThatNeverRead, target: "sockets", forMs };
  const target = pick(processNames, random);
  return { fault: clockOff(target, random() < 0.5 ? hourMs : -hourMs), target, forMs };
}

function drawCommands(random: () => number, campaigns: number): PlannedCommand[] {
  const wanted = 1 + Math.floor(random() * 5);
  return Array.from({ length: wanted }, () => ({
    name: random() < 0.15 ? ("cancel" as const) : pick(["pause", "pause", "resume"] as const, random),
    campaign: Math.floor(random() * campaigns),
    beginMs: Math.round(random() * beginMaxMs),
  })).sort((one, other) => one.beginMs - other.beginMs);
}

/** One to three kinds at once. */
function drawWeather(random: () => number): WeatherInput {
  const all: WeatherInput[] = [
    { doubled: { share: 0.3, times: 5 } },
    { reordered: { share: 0.4, within_ms: 1_500 } },
    { lost: { share: 0.3 } },
    { early: { share: 0.3 } },
    { late: { share: 0.2, after_ms: 1_000 } },
    { forged: { share: 0.3 } },
    { malformed: { share: 0.3 } },
    { replayed: { share: 0.3 } },
    { burst: { hold_ms: 700, factor: 10 } },
  ];
  const wanted = 1 + Math.floor(random() * 3);
  let weather: WeatherInput = {};
  for (let drawn = 0; drawn < wanted; drawn += 1) weather = { ...weather, ...pick(all, random) };
  return weather;
}

const between = (random: () => number, { from, to }: { from: number; to: number }): number => Math.round(from + random() * (to - from));
