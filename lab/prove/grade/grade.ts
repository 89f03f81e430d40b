// Runs the exercises of docs/study.md one after another and marks them. Called by `lab grade`.

import { checkLaws } from "../../../src/laws/check_laws.ts";
import { openPostgres } from "../../../src/platform/postgres.ts";
import { createCampaign, csvOf, lawSourcesOf, runCampaign, waitUntilFinished } from "../../../testing/campaigns.ts";
import { type LabCluster, startLabCluster } from "../../break/lab_cluster.ts";
import { loadScenario } from "../../break/scenarios/all.ts";
import { runScenario } from "../../break/stage/run_scenario.ts";
import type { Scenario } from "../../break/stage/scenario.ts";
import { matrixCells } from "../../break/verify/cells.ts";
import { naiveSwitches } from "../variants/all.ts";
import { runSwitch } from "../variants/run_switch.ts";
import { type Exercise, type Grade, gradeOf, type Mark, markExercise, type Observation } from "./exercise.ts";
import { corruption, exercises, ruleOutSwitch } from "./exercises.ts";
import type { Predictions } from "./predictions.ts";

export interface GradeOptions {
  seed: number;
  /** Names of the exercises to run; all if omitted. */
  only: readonly string[];
  predictions: Predictions;
  onBegin(exercise: Exercise): void;
  onMark(mark: Mark): void;
}

/** For the exercise sql: a campaign whose final states are known. */
const contacts = 40;

type Run = (cluster: LabCluster, seed: number) => Promise<Pick<Observation, "laws" | "problems" | "facts">>;

/** A fault of the lab, as `lab run NAME` runs it. */
const scenario =
  (name: string): Run =>
  async (cluster, seed) => {
    const verdict = await runScenario(await findScenario(name), { cluster, seed });
    return {
      laws: verdict.laws,
      problems: verdict.reasons,
      facts: {
        recovered_ms: verdict.recoveredMs,
        messages_under_way: verdict.messagesTouched,
        fault_touches: verdict.faultTouches,
      },
    };
  };

const onSharedCluster: Readonly<Record<Exclude<Exercise["name"], "rule-out">, Run>> = {
  kill: scenario("process-sales_worker-kill"),
  freeze: scenario("worker-frozen"),
  forge: scenario("weather-forged"),
  "lose-replies": scenario("replies-lost"),
  // comes last: what it breaks stays broken
  sql: changeRowBySql,
};

/**
 * Four faults and the changed row share one system, which takes seconds to start; the removed rule
 * needs two systems of its own.
 */
export async function grade({ seed, only, predictions, onBegin, onMark }: GradeOptions): Promise<Grade> {
  const startedMs = performance.now();
  const chosen = exercises.filter(({ name }) => only.length === 0 || only.includes(name));
  const marks: Mark[] = [];
  let shared: LabCluster | null = null;
  try {
    for (const exercise of chosen) {
      onBegin(exercise);
      const beganMs = performance.now();
      let found: Pick<Observation, "laws" | "problems" | "facts">;
      if (exercise.name === "rule-out") found = await takeRuleOut();
      else {
        shared ??= await startLabCluster({ seed });
        found = await onSharedCluster[exercise.name](shared, seed);
      }
      const mark = markExercise(exercise, { ...found, seconds: secondsSince(beganMs) }, predictions[exercise.name] ?? null);
      marks.push(mark);
      onMark(mark);
    }
  } finally {
    await shared?.stop();
  }
  return gradeOf(marks, secondsSince(startedMs));
}

async function findScenario(name: string): Promise<Scenario> {
  const found = (await loadScenario(name)) ?? (await matrixCells()).find((cell) => cell.name === name);
  if (found === undefined) throw new Error(`there is no scenario ${name}`);
  return found;
}

/**
 * Ours and the switched system, both under the same crash: ours must hold, the other one is marked.
 */
async function takeRuleOut(): Promise<Pick<Observation, "laws" | "problems" | "facts">> {
  const one = naiveSwitches.find(({ name }) => name === ruleOutSwitch);
  if (one === undefined) throw new Error(`there is no switch ${ruleOutSwitch}`);
  const { ours, naive } = await runSwitch(one, () => {});
  const brokenOfOurs = ours.laws.filter(({ verdict }) => verdict === "broken").map(({ law }) => `${law} broke with the rule in place`);
  return {
    laws: naive.laws,
    problems: ours.perSecond === null ? [...brokenOfOurs, "with the rule in place the campaign never ended"] : brokenOfOurs,
    facts: {
      ours_red: brokenOfOurs.length,
      example: naive.laws.find(({ verdict }) => verdict === "broken")?.broken[0]?.description ?? null,
    },
  };
}

/**
 * A campaign ends and all laws hold; then the owner of the database changes one row, and the laws
 * are checked again.
 */
async function changeRowBySql(cluster: LabCluster): Promise<Pick<Observation, "laws" | "problems" | "facts">> {
  const { id } = await createCampaign(cluster, csvOf(contacts));
  await runCampaign(cluster, id);
  await waitUntilFinished(cluster, id);
  const before = await checkLaws(lawSourcesOf(cluster));
  const problems = before.laws
    .filter(({ verdict }) => verdict === "broken")
    .map(({ law }) => `${law} was broken before the row was changed`);
  const sql = openPostgres(cluster.settings.BULKSMS_SALESDB_OWNER_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  try {
    const { count } = await sql.unsafe(corruption);
    if (count !== 1) problems.push(`${count} rows were changed, not one`);
  } finally {
    await sql.end({ timeout: 1 });
  }
  const { laws } = await checkLaws(lawSourcesOf(cluster));
  return {
    laws,
    problems,
    facts: { row: laws.flatMap(({ broken }) => broken).find(({ row }) => row.startsWith("bulksms_info"))?.row ?? null },
  };
}

const secondsSince = (startedMs: number): number => Math.round((performance.now() - startedMs) / 100) / 10;
