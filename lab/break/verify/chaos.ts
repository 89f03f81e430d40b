// `npm run verify:chaos`: random campaigns, random faults at random moments, run after run; all
// laws are checked after every run. Each run has a seed of its own, which repeats it alone. Called
// by commands/chaos.ts.
import { createTerminal, formatCount, formatDuration, type Terminal } from "../../../src/cli/terminal.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { deriveSeed } from "../../../testing/random.ts";
import type { Verdict } from "../../measure/report/verdict.ts";
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import { type LabCluster, startLabCluster } from "../lab_cluster.ts";
import { runScenario } from "../stage/run_scenario.ts";
import type { Scenario, Stage } from "../stage/scenario.ts";
import { giveCommand, resumeAll } from "./chaos_operators.ts";
import { type ChaosPlan, type ChaosSystem, chaosSystems, describePlan, planChaos, systemOf } from "./chaos_plan.ts";

export interface ChaosOptions {
  /** With one run, its own seed; otherwise the one that all seeds derive from. */
  seed: number;
  runs: number;
  /** Continues after a broken run. */
  keepsGoing: boolean;
}

export interface ChaosResult {
  hasHeld: boolean;
  verdicts: Verdict[];
}

/**
 * Number of consecutive runs with the same system, and so on one cluster. With more, the laws would
 * read ever more rows.
 */
const runsPerCluster = 10;

/** Runs, shows each run as it ends, and the summary. */
export async function showChaos(options: ChaosOptions): Promise<ChaosResult> {
  const terminal = createTerminal(process.stdout, process.env);
  const startedMs = performance.now();
  const seeds = seedsOf(options);
  terminal.line();
  terminal.line(`${terminal.bold("chaos")} · seed ${options.seed} · ${options.runs === 1 ? "one run" : `${options.runs} runs`}`);
  terminal.line();
  const verdicts: Verdict[] = [];
  const stock = openClusters();
  try {
    for (const [index, seed] of seeds.entries()) {
      terminal.line(
        terminal.dim(`${index + 1}/${seeds.length} · seed ${seed} · ${systemOf(seed).description} · ${describePlan(planChaos(seed))}`),
      );
      const verdict = await runOne(seed, stock);
      verdicts.push(verdict);
      showRun(terminal, verdict);
      if (verdict.held) continue;
      await stock.dispose();
      if (!options.keepsGoing) break;
    }
  } finally {
    await stock.dispose();
  }
  showSum(terminal, verdicts, performance.now() - startedMs);
  return { hasHeld: verdicts.length === seeds.length && verdicts.every(({ held }) => held), verdicts };
}

/** Ten consecutive runs use the same system. A seed's remainder selects it: see systemOf. */
export function seedsOf({ seed, runs }: Pick<ChaosOptions, "seed" | "runs">): number[] {
  if (runs === 1) return [seed];
  return Array.from({ length: runs }, (_, index) => {
    const derived = deriveSeed(seed, index);
    const system = Math.floor(index / runsPerCluster) % chaosSystems.length;
    return derived - (derived % chaosSystems.length) + system;
  });
}

interface Clusters {
  /** A cluster of this system with runs left; the previous one is stopped. */
  take(seed: number): Promise<LabCluster>;
  dispose(): Promise<void>;
}

function openClusters(): Clusters {
  let current: { cluster: LabCluster; system: ChaosSystem; runs: number } | null = null;
  const dispose = async (): Promise<void> => {
    const mine = current;
    current = null;
    await mine?.cluster.stop();
  };
  return {
    async take(seed) {
      const system = systemOf(seed);
      if (current !== null && (current.system !== system || current.runs >= runsPerCluster)) await dispose();
      current ??= { cluster: await startSystem(system, seed), system, runs: 0 };
      current.runs += 1;
      return current.cluster;
    },
    dispose,
  };
}

async function startSystem({ settings, otherWorkers }: ChaosSystem, seed: number): Promise<LabCluster> {
  const cluster = await startLabCluster({ settings, seed });
  try {
    for (let worker = 0; worker < otherWorkers; worker += 1) await cluster.startAnother("sales_worker");
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** An error that keeps a run from starting is a broken run too. */
async function runOne(seed: number, stock: Clusters): Promise<Verdict> {
  const startedMs = performance.now();
  try {
    return await runScenario(chaosScenario(planChaos(seed)), { seed, cluster: await stock.take(seed) });
  } catch (error) {
    return {
      scenario: `chaos-${seed}`,
      seed,
      held: false,
      reasons: [error instanceof Error ? error.message : String(error)],
      recoveredMs: null,
      messagesTouched: 0,
      faultTouches: 0,
      laws: [],
      timeline: [],
      rates: [],
      durationMs: Math.round(performance.now() - startedMs),
    };
  }
}

/** The plan as a scenario: everything at its moment, in parallel. */
export function chaosScenario(plan: ChaosPlan): Scenario {
  return {
    name: `chaos-${plan.seed}`,
    shows: describePlan(plan),
    workload: plan.workload,
    async faults(stage) {
      await stage.untilInFlight();
      const mayPauseYet = new Set<string>();
      const errors = (await Promise.allSettled([...faultsOf(stage, plan), ...commandsOf(stage, plan, mayPauseYet)])).filter(
        (result): result is PromiseRejectedResult => result.status === "rejected",
      );
      await resumeAll(stage, mayPauseYet);
      // all of them have ended by now: nothing stays broken behind an error
      if (errors.length > 0) throw new AggregateError(errors, errors.map(({ reason }) => String(reason)).join("; "));
    },
    ...(plan.weather === null ? {} : { expects: untilAllEmitted }),
  };
}

function faultsOf(stage: Stage, { faults, weather }: ChaosPlan): Promise<void>[] {
  const planned = faults.map(async ({ fault, beginMs, forMs }) => {
    await sleep(beginMs);
    await stage.inflict(fault, forMs);
  });
  return weather === null ? planned : [...planned, stage.inflict(weatherFault(weather), weatherMs)];
}

/** Until the faults are over, and beyond. */
const weatherMs = 4_000;

function commandsOf(stage: Stage, { commands }: ChaosPlan, mayPauseYet: Set<string>): Promise<void>[] {
  return commands.map(async ({ name, campaign, beginMs }) => {
    await sleep(beginMs);
    const bulksmsId = stage.bulksmsIds[campaign] ?? "";
    const isOpen = await giveCommand(stage, name, bulksmsId);
    if (isOpen && name === "pause") mayPauseYet.add(bulksmsId);
  });
}

function showRun(terminal: Terminal, { held, reasons, recoveredMs, messagesTouched, faultTouches, laws, durationMs, seed }: Verdict): void {
  const facts = [
    held ? terminal.accent("held ") : terminal.bold("BROKE"),
    recoveredMs === null ? "never recovered" : `recovered in ${formatDuration(recoveredMs).padStart(6)}`,
    `${formatCount(messagesTouched).padStart(4)} messages under way`,
    `${formatCount(faultTouches).padStart(5)} touched`,
    `${formatCount(laws.reduce((sum, { rowsCompared }) => sum + rowsCompared, 0)).padStart(7)} rows compared`,
    formatDuration(durationMs).padStart(6),
  ];
  terminal.line(`  ${facts.join("   ")}`);
  for (const reason of reasons) terminal.line(`        ${reason}`);
  if (!held) terminal.line(terminal.dim(`        again: npm run verify:chaos -- --runs 1 --seed ${seed}`));
}

function showSum(terminal: Terminal, verdicts: readonly Verdict[], durationMs: number): void {
  const broke = verdicts.filter(({ held }) => !held);
  const touched = verdicts.reduce((sum, { messagesTouched }) => sum + messagesTouched, 0);
  terminal.line();
  if (broke.length === 0) terminal.line(terminal.accent(verdicts.length === 1 ? "the run held" : `all ${verdicts.length} runs held`));
  else terminal.line(terminal.bold(`${broke.length} of ${verdicts.length} runs broke: seeds ${broke.map(({ seed }) => seed).join(", ")}`));
  terminal.line(`${formatCount(touched)} messages under way · ${formatDuration(durationMs)}`);
  terminal.line();
}
