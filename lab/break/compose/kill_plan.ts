// What is done to the containers during the campaigns, in an order that the seed chooses. Pure.
import { databaseNames, processNames } from "../../../src/contracts/processes.ts";
import { createRandom } from "../../../testing/random.ts";

export type PlannedStep = { action: "kill"; service: string } | { action: "scale"; service: "sales_worker"; count: number };

/** Services that run for good: every process and every engine. */
export const lastingServices: readonly string[] = [...processNames, ...databaseNames, "redis"];

export const salesWorkers = 3;

/** One kill for each service, and sales_worker scaled out with about half of them still to come. */
export function planSteps(seed: number): PlannedStep[] {
  const random = createRandom(seed);
  const steps: PlannedStep[] = lastingServices
    .map((service) => ({ service, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ service }) => ({ action: "kill", service }));
  steps.splice(Math.floor(steps.length / 2), 0, { action: "scale", service: "sales_worker", count: salesWorkers });
  return steps;
}
