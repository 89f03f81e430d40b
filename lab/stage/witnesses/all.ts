// Who looks on at every run (lab/stage/run_scenario.ts), beside the laws of `bulksms check`.
import type { OpenWitness } from "../scenario.ts";

export const witnesses: readonly OpenWitness[] = [];
