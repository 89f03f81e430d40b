// `npm run verify:compose`: the image is built, compose.yaml starts on a real engine, and while
// campaigns run one container of each kind is killed; at the end `docker compose run --rm check`
// must find every law held. Called by commands/compose.ts and by compose.foreign.test.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Failure } from "../../../src/cli/failure.ts";
import { formatCount, formatDuration } from "../../../src/cli/terminal.ts";
import { type ProcessName, processes, processNames } from "../../../src/contracts/processes.ts";
import type { SettingName } from "../../../src/contracts/settings.ts";
import { deadlineIn } from "../../../src/platform/time/deadline.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { type Campaigns, openCampaigns } from "./campaigns.ts";
import { type Container, isBack, isDone, isHealthy, restartedUnasked } from "./containers.ts";
import { baseImages, type DockerTools, findDocker, requireImages, runCommand } from "./docker.ts";
import { lastingServices, type PlannedStep, planSteps, salesWorkers } from "./kill_plan.ts";
import { image, openStack, projectRoot, type Stack } from "./stack.ts";

export interface ProofStep {
  what: string;
  durationMs: number;
  detail: string;
}

export interface ComposeProof {
  seed: number;
  held: boolean;
  /** Why not. */
  reasons: string[];
  engineVersion: string;
  composeVersion: string;
  steps: ProofStep[];
  durationMs: number;
}

export interface ProofOptions {
  seed: number;
  /** Ctrl-C: everything is taken down, then ProofInterrupted is thrown. */
  signal: AbortSignal;
  onStep(step: ProofStep): void;
}

/** Limits find what hangs, not what is slow: on an idle machine each of these takes seconds. */
const buildMaxMs = 1_800_000;
const healthyMaxMs = 600_000;
const backMaxMs = 600_000;
const readyMaxMs = 300_000;
const checkMaxMs = 300_000;
const pauseMs = 500;

/** Short chunks and a slow network, so that work is still to be done whenever something dies. */
const pace = {
  simulator: { BULKSMS_SIMULATOR_MPS_MAX: "80" },
  salesapi: { BULKSMS_CHUNK_ROWS: "25", BULKSMS_REQUESTS_PER_MINUTE: "100000" },
  sales_worker: { BULKSMS_CHUNK_ROWS: "25" },
} as const satisfies Partial<Record<ProcessName, Partial<Record<SettingName, string>>>>;
const settings = {
  BULKSMS_SIMULATOR_PROFILE: "answered",
  BULKSMS_SIMULATOR_SPEED: "1",
} as const satisfies Partial<Record<SettingName, string>>;

/** What should hold and does not: the proof has failed, while the machinery around it works. */
class Broken extends Error {}

/** Somebody ended the proof. What it had started has been taken down, but for what is left. */
export class ProofInterrupted extends Error {
  readonly left: readonly string[];

  constructor(left: readonly string[]) {
    super("the proof was interrupted");
    this.name = "ProofInterrupted";
    this.left = left;
  }
}

/** @throws Failure (exit code 3) without engine, Compose or base images; ProofInterrupted */
export async function proveCompose({ seed, signal, onStep }: ProofOptions): Promise<ComposeProof> {
  const startedMs = performance.now();
  const tools = await findDocker();
  const steps: ProofStep[] = [];
  const step: RunStep = async (what, work) => {
    const stepStartedMs = performance.now();
    const done = (detail: string): void => {
      const ended = { what, durationMs: performance.now() - stepStartedMs, detail };
      steps.push(ended);
      onStep(ended);
    };
    try {
      done(await work());
    } catch (error) {
      done("BROKE");
      throw error;
    }
  };
  const reasons: string[] = [];
  const left: string[] = [];
  try {
    await step("images at hand", () => checkImages(signal));
    await step("image built", () => buildImage(signal));
    await proveStack(tools, seed, signal, step, left);
  } catch (error) {
    if (signal.aborted) throw new ProofInterrupted(left);
    if (error instanceof Failure) throw error;
    reasons.push((error as Error).message);
  }
  reasons.push(...left.map((what) => `left behind: ${what}`));
  const { engineVersion, composeVersion } = tools;
  const durationMs = performance.now() - startedMs;
  return { seed, held: reasons.length === 0, reasons, engineVersion, composeVersion, steps, durationMs };
}

type RunStep = (what: string, work: () => Promise<string>) => Promise<void>;

async function checkImages(signal: AbortSignal): Promise<string> {
  const read = (file: string) => readFileSync(join(projectRoot, file), "utf8");
  const images = baseImages(read("Dockerfile"), read("compose.yaml"));
  await requireImages(images, signal);
  return images.join(", ");
}

async function buildImage(signal: AbortSignal): Promise<string> {
  await runCommand(["docker", "build", "--tag", image, projectRoot], { limitMs: buildMaxMs, signal });
  const sizeOf = async (name: string) =>
    Number(await runCommand(["docker", "image", "inspect", "--format", "{{.Size}}", name], { signal }));
  const [base = ""] = baseImages(readFileSync(join(projectRoot, "Dockerfile"), "utf8"), "");
  const bytes = await sizeOf(image);
  const megabytes = (count: number) => `${Math.round(count / 1e6)} MB`;
  return `${megabytes(bytes)}, of them ${megabytes(bytes - (await sizeOf(base)))} over ${base}`;
}

/** Starts it, breaks it, checks it, always takes it down. @param left what then remains */
async function proveStack(tools: DockerTools, seed: number, signal: AbortSignal, step: RunStep, left: string[]): Promise<void> {
  const stack = await openStack(tools, settings, pace, signal);
  try {
    await step("compose up, all healthy", () => startStack(stack, signal));
    const campaigns = await openCampaigns(stack, signal);
    const kills = new Map<string, number>();
    try {
      for (const planned of planSteps(seed)) {
        await step(nameOf(planned), () => takeStep(stack, campaigns, planned, kills, signal));
      }
      await step("all ready again", async () => {
        await untilReady(stack, signal);
        return "every process reaches its neighbours";
      });
      await step("campaigns ended", () => campaigns.finish());
    } finally {
      await campaigns.close();
    }
    await step("nothing else restarted", () => requireQuiet(stack, kills));
    await step("compose run --rm check", () => checkLaws(stack, campaigns.contacts(), signal));
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Error(`${(error as Error).message}${await lastLogs(stack).catch(() => "")}`);
  } finally {
    await step("taken down", async () => {
      left.push(...(await stack.down()));
      return left.length === 0 ? "no container, volume or network is left" : left.join(", ");
    });
  }
}

async function startStack(stack: Stack, signal: AbortSignal): Promise<string> {
  await stack.up(signal);
  const containers = await waitForContainers(
    stack,
    "all to be healthy",
    healthyMaxMs,
    signal,
    (found) =>
      lastingServices.every((service) => found.some((one) => one.service === service && isHealthy(one))) &&
      found.some((one) => one.service === "migrate" && isDone(one)),
  );
  for (const { id, service, name } of containers) {
    if (!(processNames as readonly string[]).includes(service)) continue;
    const user = (await runCommand(["docker", "exec", id, "id", "-u"], { signal })).trim();
    if (user !== "1000") throw new Broken(`${name} runs as uid ${user} instead of 1000`);
  }
  await untilReady(stack, signal);
  return `${containers.length} containers; processes run as uid 1000`;
}

/** Healthy is alive; ready is that a process also reaches its neighbours, engines included. */
async function untilReady(stack: Stack, signal: AbortSignal): Promise<void> {
  const deadline = deadlineIn(readyMaxMs);
  for (const name of processNames) {
    const port = (processes[name].management ?? processes[name].listener)?.defaultPort;
    for (;;) {
      const container = (await stack.containers(signal)).find(({ service }) => service === name);
      const words = ["docker", "exec", container?.id ?? "", "node", "bin/healthy.js", String(port), "/ready"];
      const isReady = await runCommand(words, { signal }).then(
        () => true,
        () => false,
      );
      if (isReady) break;
      if (deadline.isOver()) throw new Broken(`${name} is alive, but not ready: it does not reach its neighbours`);
      await sleep(pauseMs, signal);
      signal.throwIfAborted();
    }
  }
}

function nameOf(planned: PlannedStep): string {
  return planned.action === "kill" ? `kill ${planned.service}` : `scale ${planned.service} to ${planned.count}`;
}

async function takeStep(
  stack: Stack,
  campaigns: Campaigns,
  planned: PlannedStep,
  kills: Map<string, number>,
  signal: AbortSignal,
): Promise<string> {
  const progress = await campaigns.untilUnderWay();
  const where = `campaign ${progress.number}: ${formatCount(progress.ended)} of ${formatCount(progress.contacts)} ended`;
  if (planned.action === "scale") {
    const words = ["up", "--detach", "--no-build", "--no-recreate", "--no-deps", "--scale", `${planned.service}=${planned.count}`];
    await stack.compose([...words, planned.service], { signal });
    const isScaled = (found: Container[]) =>
      found.filter((one) => one.service === planned.service && isHealthy(one)).length === planned.count;
    await waitForContainers(stack, `${planned.count} healthy ${planned.service}`, backMaxMs, signal, isScaled);
    return where;
  }
  const before = (await stack.containers(signal)).find(({ service }) => service === planned.service);
  if (before === undefined) throw new Broken(`there is no container of ${planned.service}`);
  const killedMs = performance.now();
  await stack.kill(before);
  kills.set(before.id, (kills.get(before.id) ?? 0) + 1);
  const isUp = (found: Container[]) => found.some((one) => isBack(before, one));
  await waitForContainers(stack, `${before.name} to be back`, backMaxMs, signal, isUp);
  return `${where}; healthy again after ${formatDuration(performance.now() - killedMs)}`;
}

/** A process that lost a neighbour waits for it; it does not die with it. */
async function requireQuiet(stack: Stack, kills: ReadonlyMap<string, number>): Promise<string> {
  const containers = await stack.containers();
  const unasked = restartedUnasked(containers, kills);
  if (unasked.length > 0) {
    const found = unasked.map(({ name, restarts }) => `${name} (${restarts} restarts)`).join(", ");
    throw new Broken(`restarted though nobody killed it: ${found}`);
  }
  const workers = containers.filter((one) => one.service === "sales_worker" && isHealthy(one)).length;
  if (workers !== salesWorkers) throw new Broken(`${workers} healthy sales_workers at the end instead of ${salesWorkers}`);
  return `${kills.size} containers, each killed and restarted once`;
}

const checkAnswer = z.object({
  form: z.string(),
  has_journal: z.boolean(),
  laws_broken: z.number(),
  rows_compared: z.number(),
  laws: z.array(z.object({ law: z.string(), title: z.string(), verdict: z.string(), broken_count: z.number() })),
});

async function checkLaws(stack: Stack, contacts: number, signal: AbortSignal): Promise<string> {
  const words = ["run", "--rm", "-T", "check", "--json"];
  const output = await stack.compose(words, { limitMs: checkMaxMs, signal, acceptsExitCodes: [1] });
  const answer = checkAnswer.parse(JSON.parse(output.trim().split("\n").at(-1) ?? ""));
  const broken = answer.laws.filter(({ verdict }) => verdict === "broken");
  if (broken.length > 0 || answer.laws_broken > 0) {
    throw new Broken(broken.map(({ law, title, broken_count }) => `${law} is broken in ${broken_count} rows: ${title}`).join("\n"));
  }
  if (!answer.has_journal) throw new Broken("check did not find the journal of the simulator");
  if (answer.form !== "settled") throw new Broken("check found something still under way");
  if (answer.rows_compared < contacts) {
    throw new Broken(`check compared ${answer.rows_compared} rows of ${contacts} messages`);
  }
  const held = answer.laws.filter(({ verdict }) => verdict === "held").length;
  const idle = answer.laws.length - held;
  return `${held} laws hold${idle === 0 ? "" : `, ${idle} had nothing to check`}; ${formatCount(answer.rows_compared)} rows compared`;
}

async function waitForContainers(
  stack: Stack,
  what: string,
  limitMs: number,
  signal: AbortSignal,
  isReached: (containers: Container[]) => boolean,
): Promise<Container[]> {
  const deadline = deadlineIn(limitMs);
  for (;;) {
    const containers = await stack.containers(signal);
    if (isReached(containers)) return containers;
    if (deadline.isOver()) {
      const states = containers.map(({ name, status, health, restarts }) => `${name}: ${status}, ${health}, ${restarts} restarts`);
      throw new Broken(`waited ${limitMs / 1_000} s in vain for ${what}\n${states.join("\n")}`);
    }
    await sleep(pauseMs, signal);
    signal.throwIfAborted();
  }
}

/** The last lines of every container, before it is gone. */
async function lastLogs(stack: Stack): Promise<string> {
  const parts: string[] = [];
  for (const { id, name } of await stack.containers()) {
    parts.push(`\n-- ${name}\n${await runCommand(["docker", "logs", "--tail", "8", id], { includesErrors: true })}`);
  }
  return parts.join("");
}
