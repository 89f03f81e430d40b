// verify:mutants: removes each guard from the source in turn, builds, and expects a test or a run
// with killed processes to notice. Called by commands/mutants.ts. A guard whose loss nothing
// notices is a hole in the tests.

import { nothingFits } from "../../break/verify/nothing_fits.ts";
import { modelledGuards } from "../model/check_model.ts";
import { type Noticed, nameOf, runCatchers } from "./catch_mutant.ts";
import { type GuardName, guards } from "./list.ts";
import { createMutantTree, type MutantTree } from "./mutant_tree.ts";
import { type Catcher, patches } from "./patches.ts";

export interface VerifyMutantsOptions {
  /** Only guards whose name contains one of these texts, separated by commas. */
  only?: string;
  onBegin?(description: string): void;
  onRow?(row: MutantRow): void;
}

export interface MutantRow {
  mutant: GuardName;
  guard: string;
  verdict: "caught" | "MISSED" | "STALE";
  /** What noticed it; empty: nothing. */
  caughtBy: string;
  how: "test" | "processes" | "-";
  /** The model has a counterexample too. */
  isModelled: boolean;
  /** What is wrong without the guard, in the catcher's words; or why it could not be tried. */
  description: string;
  seconds: number;
}

export interface MutantsReport {
  /** Every mutant is caught, and at least five (of a whole run) by real processes. */
  held: boolean;
  rows: MutantRow[];
  byProcesses: number;
  seconds: number;
}

/**
 * Tests alone are not enough: at least this many mutants must be noticed by the whole system with
 * one process killed with -9.
 */
const byProcessesMin = 5;

/** @throws Failure when a word of `only` is in no guard's name */
export async function verifyMutants(options: VerifyMutantsOptions = {}): Promise<MutantsReport> {
  const startedAt = performance.now();
  const words = (options.only ?? "").split(",");
  for (const word of words)
    if (!guards.some(({ name }) => name.includes(word)))
      throw nothingFits(
        "guard",
        word,
        guards.map(({ name }) => name),
        "npm run verify:mutants",
      );
  const chosen = guards.filter(({ name }) => words.some((word) => name.includes(word)));
  const rows: MutantRow[] = [];
  const tree = createMutantTree();
  try {
    options.onBegin?.("checking that every catcher passes with all guards in place");
    const unfit = await findUnfit(
      tree.folder,
      chosen.map(({ name }) => name),
    );
    for (const { name, guard } of chosen) {
      const row = await tryMutant(tree, name, guard, unfit);
      rows.push(row);
      options.onRow?.(row);
    }
  } finally {
    tree.remove();
  }
  const byProcesses = rows.filter(({ how }) => how === "processes").length;
  const isWhole = chosen.length === guards.length;
  const held = rows.length > 0 && rows.every(({ verdict }) => verdict === "caught") && (!isWhole || byProcesses >= byProcessesMin);
  return { held, rows, byProcesses, seconds: secondsSince(startedAt) };
}

/** Catchers that fail (or do not run) although no guard is missing: they prove nothing. */
async function findUnfit(folder: string, names: readonly GuardName[]): Promise<Map<string, string>> {
  const catchers = new Map(names.flatMap((name) => patches[name].catchers.map((catcher) => [nameOf(catcher), catcher])));
  const unfit = new Map<string, string>();
  for (const [name, { hasFailed, description }] of await runCatchers(folder, [...catchers.values()])) {
    if (hasFailed || description !== "") unfit.set(name, description);
  }
  return unfit;
}

async function tryMutant(tree: MutantTree, mutant: GuardName, guard: string, unfit: ReadonlyMap<string, string>): Promise<MutantRow> {
  const startedAt = performance.now();
  const isModelled = (modelledGuards as readonly GuardName[]).includes(mutant);
  const row: MutantRow = { mutant, guard, verdict: "MISSED", caughtBy: "", how: "-", isModelled, description: "", seconds: 0 };
  const { replacements, catchers } = patches[mutant];
  try {
    tree.mutate(replacements);
    Object.assign(row, await firstToNotice(tree.folder, catchers, unfit));
  } catch (error) {
    row.verdict = "STALE";
    row.description = error instanceof Error ? error.message : String(error);
  } finally {
    tree.restore();
  }
  row.seconds = secondsSince(startedAt);
  return row;
}

async function firstToNotice(
  folder: string,
  catchers: readonly Catcher[],
  unfit: ReadonlyMap<string, string>,
): Promise<Pick<MutantRow, "verdict" | "caughtBy" | "how" | "description">> {
  const missed: string[] = [];
  for (const catcher of catchers) {
    const name = nameOf(catcher);
    const before = unfit.get(name);
    if (before !== undefined) {
      missed.push(`${name}: fails with all guards in place (${before})`);
      continue;
    }
    const { hasFailed, description } = (await runCatchers(folder, [catcher])).get(name) as Noticed;
    if (hasFailed) return { verdict: "caught", caughtBy: name, how: catcher.kind, description };
    missed.push(`${name}: ${description === "" ? "notices nothing" : description}`);
  }
  return { verdict: "MISSED", caughtBy: "", how: "-", description: missed.join("; ") };
}

const secondsSince = (startedAt: number) => Math.round((performance.now() - startedAt) / 100) / 10;
