import { expect, test } from "vitest";
import { contactsMax } from "../../../testing/campaigns.ts";
import { seedsOf } from "./chaos.ts";
import { describePlan, planChaos, systemOf } from "./chaos_plan.ts";

const seeds = Array.from({ length: 500 }, (_, index) => index * 7_919);

test("a seed stands for one plan", () => {
  for (const seed of seeds.slice(0, 20)) expect(describePlan(planChaos(seed))).toEqual(describePlan(planChaos(seed)));
  expect(new Set(seeds.map((seed) => describePlan(planChaos(seed)))).size).toBeGreaterThan(400);
});

test("no two faults of a run take hold of the same thing, and all are over within seconds", () => {
  for (const seed of seeds) {
    const { faults } = planChaos(seed);
    expect(new Set(faults.map(({ target }) => target)).size).toBe(faults.length);
    for (const { beginMs, forMs } of faults) expect(beginMs + forMs).toBeLessThan(6_000);
  }
});

test("where receipts are lost, or a submit may stay in doubt, there is a deadline; else every end is known before", () => {
  for (const { workload, weather, commands } of seeds.map(planChaos)) {
    expect(workload.contacts).toBeLessThanOrEqual(contactsMax);
    const isInDoubt = commands.some(({ name }) => name === "cancel");
    expect(workload.deadlineS !== undefined).toBe(weather?.lost !== undefined || weather?.late !== undefined || isInDoubt);
    expect(workload.endsAreOpen === true).toBe(workload.deadlineS !== undefined);
  }
});

test("ten runs after one another want the same system, and a single run is that of the seed", () => {
  const of20 = seedsOf({ seed: 4, runs: 20 });
  expect(new Set(of20).size).toBe(20);
  expect(new Set(of20.slice(0, 10).map(systemOf)).size).toBe(1);
  expect(seedsOf({ seed: 4, runs: 40 }).slice(0, 20)).toEqual(of20);
  expect(seedsOf({ seed: 77, runs: 1 })).toEqual([77]);
});
