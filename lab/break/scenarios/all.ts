// Finds scenarios by name: one file each in this folder, its name with `_` for `-`.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Scenario } from "../stage/scenario.ts";

const notScenarios = new Set(["all.ts"]);

export function scenarioNames(): string[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !notScenarios.has(file))
    .map((file) => file.slice(0, -".ts".length).replaceAll("_", "-"))
    .sort();
}

/** Null when there is no such scenario. @throws when its file gives it another name */
export async function loadScenario(name: string): Promise<Scenario | null> {
  const wanted = name.replaceAll("_", "-");
  if (!scenarioNames().includes(wanted)) return null;
  const { scenario } = (await import(join(import.meta.dirname, `${wanted.replaceAll("-", "_")}.ts`))) as { scenario: Scenario };
  if (scenario.name !== wanted) throw new Error(`the file of the scenario ${wanted} names it ${scenario.name}`);
  return scenario;
}
