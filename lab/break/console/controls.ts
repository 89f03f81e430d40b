// What the console's buttons do to a lab cluster, and what has been done to it so far. Called by
// front_door.ts.
import {
  type LabCommand,
  type LabNodeAction,
  type LabNodeName,
  type LabNodeState,
  type LabState,
  type LabWeather,
  labNodeNames,
} from "../../../src/contracts/lab_console.ts";
import { type ProcessName, processNames } from "../../../src/contracts/processes.ts";
import { readSystemState } from "../../../src/local/data_folder.ts";
import { sendSignal } from "../../../src/local/engines/bound_process.ts";
import type { SupervisorEvent } from "../../../src/local/supervisor.ts";
import { createCampaign, csvOf, runCampaign } from "../../../testing/campaigns.ts";
import { serverPids } from "../faults/postgres.ts";
import { setWeather, type WeatherInput } from "../faults/weather.ts";
import type { LabCluster } from "../lab_cluster.ts";

/** The page shows the newest; the terminal had them all. */
const timelineMax = 60;

export interface Controls {
  /** @throws Refusal when it cannot be done now */
  perform(command: LabCommand): Promise<void>;
  state(): Omit<LabState, "verdict">;
  faults(): number;
  /** Everything that was broken by hand is made whole. */
  repair(): Promise<void>;
}

/** What a button cannot do in the present state; its words are for the person who pressed it. */
export class Refusal extends Error {}

/** What was done by hand and still stands. */
interface Broken {
  frozen: Map<LabNodeName, readonly number[]>;
  held: Map<LabNodeName, () => void>;
  weather: LabWeather;
  /** Counts up; a fix does not take it back. */
  faults: number;
}

export function createControls(cluster: LabCluster, onNote: (what: string) => void): Controls {
  const broken: Broken = { frozen: new Map(), held: new Map(), weather: "clear", faults: 0 };
  const timeline: LabState["timeline"] = [];
  let eventsSeen = cluster.events.length;

  const note = (what: string): void => {
    timeline.push({ at: new Date().toISOString(), what });
    if (timeline.length > timelineMax) timeline.shift();
    onNote(what);
  };
  const listen = (): void => {
    for (const event of cluster.events.slice(eventsSeen)) {
      const words = eventWords(event);
      if (words !== null) note(words);
      if (isDeath(event)) broken.frozen.delete(event.name as LabNodeName);
    }
    eventsSeen = cluster.events.length;
  };
  const actions = nodeActions(cluster, broken);
  const repair = () => repairAll(cluster, broken);

  return {
    async perform(command) {
      listen();
      if (command.do === "node") {
        actions[command.action](command.node);
        note(`${command.node}: ${actionWords[command.action]}`);
      } else if (command.do === "link") {
        setLink(cluster, broken, command.link, command.mode);
        note(`link ${command.link}: ${command.mode === "pass" ? "whole again" : command.mode.replace("_", " ")}`);
      } else if (command.do === "weather") {
        await changeWeather(cluster, broken, command.weather);
        note(`receipt weather: ${command.weather}`);
      } else if (command.do === "campaign") {
        const { id } = await createCampaign(cluster, csvOf(command.contacts));
        await runCampaign(cluster, id);
        note(`a campaign of ${command.contacts} messages runs`);
      } else {
        await repair();
        note("everything is made whole");
      }
    },
    state() {
      listen();
      return {
        nodes: Object.fromEntries(labNodeNames.map((node) => [node, stateOf(cluster, broken, node)])) as LabState["nodes"],
        links: cluster.links.all().map((link) => ({ name: link.name, mode: link.mode(), touches: link.touches() })),
        weather: broken.weather,
        timeline: [...timeline],
      };
    },
    faults: () => broken.faults,
    repair,
  };
}

/** What the buttons of one node do. Each throws Refusal when it cannot be done now. */
function nodeActions(cluster: LabCluster, broken: Broken): Readonly<Record<LabNodeAction, (node: LabNodeName) => void>> {
  const { frozen, held } = broken;
  return {
    kill(node) {
      if (!cluster.kill(node, deadlySignal(node))) throw new Refusal(`${node} is not there to be killed`);
      broken.faults += 1;
    },
    freeze(node) {
      if (frozen.has(node)) throw new Refusal(`${node} is frozen already`);
      const pids = pidsOf(cluster, node).filter((pid) => sendSignal(pid, "SIGSTOP"));
      if (pids.length === 0) throw new Refusal(`${node} is not there to be frozen`);
      frozen.set(node, pids);
      broken.faults += 1;
    },
    continue(node) {
      if (!frozen.has(node)) throw new Refusal(`${node} is not frozen`);
      thaw(broken, node);
    },
    restart(node) {
      if (!(processNames as readonly string[]).includes(node)) throw new Refusal("a database or Redis can be killed, not restarted");
      if (!cluster.kill(node, "SIGTERM")) throw new Refusal(`${node} is not there to be restarted`);
      // a frozen process does not handle SIGTERM
      thaw(broken, node);
      broken.faults += 1;
    },
    hold_down(node) {
      if (held.has(node)) throw new Refusal(`${node} is held down already`);
      const release = cluster.holdDown(node);
      if (!cluster.kill(node, deadlySignal(node))) {
        release();
        throw new Refusal(`${node} is not there to be killed`);
      }
      held.set(node, release);
      broken.faults += 1;
    },
    bring_back(node) {
      const release = held.get(node);
      if (release === undefined) throw new Refusal(`${node} is not held down`);
      held.delete(node);
      release();
    },
  };
}

function thaw({ frozen }: Broken, node: LabNodeName): void {
  for (const pid of frozen.get(node) ?? []) sendSignal(pid, "SIGCONT");
  frozen.delete(node);
}

function setLink(cluster: LabCluster, broken: Broken, name: string, mode: LabState["links"][number]["mode"]): void {
  const link = cluster.links.all().find((one) => one.name === name);
  if (link === undefined) throw new Refusal(`there is no link ${name}`);
  link.set(mode);
  if (mode !== "pass") broken.faults += 1;
}

async function changeWeather(cluster: LabCluster, broken: Broken, weather: LabWeather): Promise<void> {
  if (!isUp(cluster, "simulator") || broken.frozen.has("simulator"))
    throw new Refusal("the carrier does not answer: its weather cannot change now");
  await setWeather(cluster, weathers[weather]);
  broken.weather = weather;
  if (weather !== "clear") broken.faults += 1;
}

async function repairAll(cluster: LabCluster, broken: Broken): Promise<void> {
  for (const node of [...broken.frozen.keys()]) thaw(broken, node);
  for (const release of broken.held.values()) release();
  broken.held.clear();
  for (const link of cluster.links.all()) if (link.mode() !== "pass") link.set("pass");
  if (broken.weather !== "clear") await setWeather(cluster, {});
  broken.weather = "clear";
}

function stateOf(cluster: LabCluster, { frozen, held }: Broken, node: LabNodeName): LabNodeState {
  if (frozen.has(node)) return "frozen";
  if (isUp(cluster, node)) return "up";
  if (held.has(node)) return "held_down";
  return (cluster.pids()[node] ?? null) === null ? "down" : "starting";
}

const actionWords: Readonly<Record<LabNodeAction, string>> = {
  kill: "killed (-9)",
  freeze: "frozen (SIGSTOP)",
  continue: "goes on (SIGCONT)",
  restart: "restarted (SIGTERM)",
  hold_down: "killed and held down",
  bring_back: "may start again",
};

/** The shares that the scenarios use (lab/scenarios/weather_*.ts). */
const weathers: Readonly<Record<LabWeather, WeatherInput>> = {
  clear: {},
  doubled: { doubled: { share: 1, times: 5 } },
  reordered: { reordered: { share: 0.5, within_ms: 2_000 } },
  lost: { lost: { share: 0.3 } },
  forged: { forged: { share: 0.5 } },
  malformed: { malformed: { share: 0.5 } },
  replayed: { replayed: { share: 0.5 } },
  burst: { burst: { hold_ms: 2_000, factor: 10 } },
  storm: {
    doubled: { share: 0.3, times: 5 },
    reordered: { share: 0.3, within_ms: 2_000 },
    lost: { share: 0.1 },
    early: { share: 0.1 },
    forged: { share: 0.2 },
    malformed: { share: 0.2 },
    replayed: { share: 0.3 },
    burst: { hold_ms: 700, factor: 10 },
  },
};

const isProcess = (node: LabNodeName): node is ProcessName => (processNames as readonly string[]).includes(node);

/**
 * A Postgres that gets a SIGKILL leaves its sessions running; SIGQUIT ends them where they stand,
 * without a checkpoint.
 */
const deadlySignal = (node: LabNodeName): NodeJS.Signals => (node === "ds" || node === "salesdb" ? "SIGQUIT" : "SIGKILL");

function isUp(cluster: LabCluster, node: LabNodeName): boolean {
  if (isProcess(node)) return cluster.isReady(node);
  const last = cluster.events.findLast((event) => (event.type === "engine_died" || event.type === "engine_ready") && event.name === node);
  return last?.type === "engine_ready";
}

function pidsOf(cluster: LabCluster, node: LabNodeName): number[] {
  if (node === "ds" || node === "salesdb") return serverPids(cluster, node);
  const pid = isProcess(node) ? cluster.pids()[node] : readSystemState(cluster.dataFolder)?.engines[node]?.pid;
  return pid === null || pid === undefined ? [] : [pid];
}

const isDeath = (event: SupervisorEvent): event is SupervisorEvent & { type: "engine_died" | "process_died" } =>
  event.type === "engine_died" || event.type === "process_died";

/** null: not worth a line of the time line. */
function eventWords(event: SupervisorEvent): string | null {
  if (event.type === "process_died") return `${event.name} is dead (${event.signal ?? `code ${event.code}`})`;
  if (event.type === "engine_died") return `${event.name} is dead`;
  if (event.type === "process_ready" || event.type === "engine_ready") return `${event.name} is back, ready in ${event.readyMs} ms`;
  return null;
}
