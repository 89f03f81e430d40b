// `npm run verify:faults`: runs the matrix cell by cell on one shared cluster, and reports whether
// each held. A broken cell is followed by a fresh cluster, so that one failure is not counted
// twice.
import { alignColumns, createTerminal, formatCount, formatDuration, type Terminal } from "../../../src/cli/terminal.ts";
import { deriveSeed } from "../../../testing/random.ts";
import type { Verdict } from "../../measure/report/verdict.ts";
import { type LabCluster, startLabCluster } from "../lab_cluster.ts";
import { runScenario } from "../stage/run_scenario.ts";
import type { Scenario } from "../stage/scenario.ts";
import { matrixCells } from "./cells.ts";
import { nothingFits } from "./nothing_fits.ts";

export interface VerifyFaultsOptions {
  seed: number;
  /**
   * Part of a name; with `*` as a wildcard, a whole name; a list of names, run in this order; null:
   * all cells.
   */
  only: string | readonly string[] | null;
  onVerdict?(verdict: Verdict): void;
}

/** @throws Failure when a name or pattern fits no cell */
function choose(all: readonly Scenario[], only: VerifyFaultsOptions["only"]): readonly Scenario[] {
  if (only === null) return all;
  const chosen = typeof only === "string" ? [only] : only;
  return chosen.flatMap((wanted) => {
    const found = all.filter(({ name }) => (typeof only === "string" ? matches(name, wanted) : name === wanted));
    if (found.length > 0) return found;
    throw nothingFits(
      "cell",
      wanted,
      all.map(({ name }) => name),
      "npm run verify:faults",
    );
  });
}

/**
 * Number of cells per cluster: its databases and journal grow with each cell, and the laws read all
 * of it.
 */
const cellsPerCluster = 40;

export async function verifyFaults({ seed, only, onVerdict }: VerifyFaultsOptions): Promise<Verdict[]> {
  const all = await matrixCells();
  const chosen = choose(all, only);
  const verdicts: Verdict[] = [];
  let shared: { cluster: LabCluster; cells: number } | null = null;
  const dispose = async (): Promise<void> => {
    const mine = shared;
    shared = null;
    await mine?.cluster.stop();
  };
  try {
    for (const cell of chosen) {
      const cellSeed = seedOf(seed, cell);
      if (cell.settings === undefined) shared ??= { cluster: await startLabCluster({ seed }), cells: 0 };
      const verdict = await runCell(cell, cellSeed, cell.settings === undefined ? shared?.cluster : undefined);
      verdicts.push(verdict);
      onVerdict?.(verdict);
      if (cell.settings !== undefined || shared === null) continue;
      shared.cells += 1;
      if (!verdict.held || shared.cells >= cellsPerCluster) await dispose();
    }
  } finally {
    await dispose();
  }
  return verdicts;
}

/** Derived from the cell's name, so that one cell alone repeats what it did within the matrix. */
function seedOf(seed: number, { name }: Scenario): number {
  return deriveSeed(
    seed,
    [...name].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, 0),
  );
}

/** An error that keeps a cell from running is a broken cell too, not the end of the matrix. */
async function runCell(cell: Scenario, seed: number, cluster: LabCluster | undefined): Promise<Verdict> {
  const startedMs = performance.now();
  try {
    return await runScenario(cell, { seed, ...(cluster === undefined ? {} : { cluster }) });
  } catch (error) {
    return {
      scenario: cell.name,
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

function matches(name: string, pattern: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(parts.length === 1 ? parts.join() : `^${parts.join(".*")}$`).test(name);
}

/** Runs the cells, shows each as it ends, and the summary. @returns whether every cell held */
export async function showFaults(options: { seed: number; only: string | null }): Promise<{ hasHeld: boolean; verdicts: Verdict[] }> {
  const terminal = createTerminal(process.stdout, process.env);
  const startedMs = performance.now();
  terminal.line();
  terminal.line(`${terminal.bold("faults")} · seed ${options.seed}`);
  terminal.line();
  const verdicts = await verifyFaults({ ...options, onVerdict: (verdict) => showCell(terminal, verdict) });
  const broke = verdicts.filter(({ held }) => !held);
  terminal.line();
  if (broke.length === 0) terminal.line(terminal.accent(`all ${verdicts.length} cells held`));
  else
    terminal.line(terminal.bold(`${broke.length} of ${verdicts.length} cells broke: ${broke.map(({ scenario }) => scenario).join(", ")}`));
  terminal.line(`${formatDuration(performance.now() - startedMs)} · recovery of cells ${recoveries(verdicts)}`);
  terminal.line(
    terminal.dim(`again: npm run verify:faults -- --seed ${options.seed}${options.only === null ? "" : ` --only '${options.only}'`}`),
  );
  terminal.line();
  return { hasHeld: broke.length === 0, verdicts };
}

/** One line each, with columns for the longest possible value: the lines appear one by one. */
function showCell(terminal: Terminal, { scenario, held, reasons, recoveredMs, messagesTouched, faultTouches, durationMs }: Verdict): void {
  const cells = [
    held ? terminal.accent("held ") : terminal.bold("BROKE"),
    scenario.padEnd(42),
    recoveredMs === null ? "never recovered" : `recovered in ${formatDuration(recoveredMs).padStart(6)}`,
    `${formatCount(messagesTouched).padStart(5)} messages`,
    `${formatCount(faultTouches).padStart(5)} touched`,
    formatDuration(durationMs).padStart(6),
  ];
  for (const line of alignColumns([cells])) terminal.line(line);
  for (const reason of reasons) terminal.line(`        ${reason}`);
}

function recoveries(verdicts: readonly Verdict[]): string {
  const sorted = verdicts.flatMap(({ recoveredMs }) => (recoveredMs === null ? [] : [recoveredMs])).sort((one, other) => one - other);
  const at = (share: number): string => formatDuration(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return sorted.length === 0 ? "unknown" : `median ${at(0.5)}, p95 ${at(0.95)}, longest ${at(1)}`;
}
