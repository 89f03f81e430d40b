// The design switches. Each has its naive module beside this file, under its name.
import { join } from "node:path";
import type { NaiveSwitch } from "./naive_switch.ts";

/**
 * Chunks and bodies so small that a few hundred messages make many transactions; a real network
 * does not submit them one after another.
 */
const manySmallBodies = { BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: "5", BULKSMS_CHUNK_ROWS: "50" };

export const naiveSwitches: readonly NaiveSwitch[] = [
  {
    name: "naive-read-modify-write",
    description: "the balance is read, computed in the process and written back; ours adds to the row that it has locked",
    replaces: "credit/settle",
    processes: ["general_worker"],
    // several holds of one workspace: their charges come at the same time
    workload: { campaigns: 6, contacts: 300 },
    settings: { ...manySmallBodies, BULKSMS_SIMULATOR_SPEED: "50" },
    shows: { laws: ["L1", "L2"] },
  },
  {
    name: "naive-row-updates",
    description: "one UPDATE per message; ours moves a whole batch with one statement",
    replaces: "campaign/lifecycle/move_messages",
    processes: ["salesapi", "sales_worker"],
    workload: { campaigns: 1, contacts: 2_000 },
    // transactions so short that a slow machine finishes them before the carrier's time-out: the
    // rate is in question, not the recovery
    settings: {
      BULKSMS_SIMULATOR_SPEED: "max",
      BULKSMS_CHUNK_ROWS: "100",
      BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: "50",
      BULKSMS_SIMULATOR_CALLBACK_CONCURRENCY: "4",
      BULKSMS_LEASE_MS: "30000",
      BULKSMS_SUBMIT_TIMEOUT_MS: "5000",
    },
    shows: { rateAtMost: 0.7 },
  },
  {
    name: "naive-answer-before-commit",
    description: "a receipt is answered 2xx when it is in memory; ours answers after its commit",
    replaces: "campaign/receipts/receipt_batcher",
    processes: ["salesapi"],
    workload: { campaigns: 1, contacts: 400 },
    settings: { ...manySmallBodies, BULKSMS_SIMULATOR_SPEED: "max" },
    crashAt: { process: "salesapi", at: "receipts_uncommitted:6" },
    shows: { laws: ["L9"] },
  },
  {
    name: "naive-acknowledge-first",
    description: "a charge is acknowledged when its job is taken; ours when it is in the ledger",
    replaces: "nodes/general_worker/settle_credit",
    processes: ["general_worker"],
    workload: { campaigns: 1, contacts: 400 },
    settings: { ...manySmallBodies, BULKSMS_SIMULATOR_SPEED: "50" },
    crashAt: { process: "general_worker", at: "settle_uncommitted:2" },
    shows: { laws: ["L3"] },
  },
];

/** The naive module of a switch. */
export function moduleOf({ name }: Pick<NaiveSwitch, "name">): string {
  return join(import.meta.dirname, `${name.slice("naive-".length).replaceAll("-", "_")}.ts`);
}
