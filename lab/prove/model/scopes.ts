// The worlds that are explored. Each is small, and explored completely; together they have every
// actor, command and fault.
import type { Scope } from "./protocol.ts";
import type { Chances } from "./state.ts";
import { noChances } from "./world.ts";

/** Every kind of fault; the scope sets how many of them may happen in total. */
const anyFault: Omit<Chances, "faults" | "topUps" | "pauses" | "cancels" | "newLists"> = {
  silences: 1,
  refusals: 1,
  leasesPassed: 1,
  duplicateReceipts: 1,
  lostReceipts: 1,
  contradictions: 1,
  strayJobs: 1,
  crashes: 2,
};

const oneMessage = { campaigns: 1, messagesPerCampaign: 1, workers: 2, credit: 1, crashesPerWorker: 1 };
const twoCampaigns = { campaigns: 2, messagesPerCampaign: 1, workers: 2, credit: 2, crashesPerWorker: 1 };

/** A few seconds in total: for `npm test`, and to try mutants in. */
export const quickScopes: readonly Scope[] = [
  {
    ...oneMessage,
    name: "1 campaign, 1 message, 2 workers; any fault; cancel",
    chances: { ...noChances, ...anyFault, faults: 1, cancels: 1 },
  },
  {
    ...oneMessage,
    name: "1 campaign without credit, 1 message, 2 workers; any fault; top-up",
    credit: 0,
    chances: { ...noChances, ...anyFault, faults: 1, topUps: 1 },
  },
  {
    ...oneMessage,
    name: "1 campaign, 2 messages, 1 worker; a settle job twice",
    messagesPerCampaign: 2,
    workers: 1,
    credit: 2,
    chances: { ...noChances, strayJobs: 1, faults: 1 },
  },
  {
    ...twoCampaigns,
    name: "2 campaigns, 2 messages, 1 worker",
    workers: 1,
    chances: noChances,
  },
  {
    ...oneMessage,
    name: "1 campaign, 2 messages, 1 worker; a new price list, cancel",
    messagesPerCampaign: 2,
    workers: 1,
    credit: 4,
    chances: { ...noChances, newLists: 1, cancels: 1 },
  },
];

/** Under a minute in total. */
export const fullScopes: readonly Scope[] = [
  {
    ...oneMessage,
    name: "1 campaign, 1 message, 2 workers; any two faults; cancel",
    chances: { ...noChances, ...anyFault, faults: 2, cancels: 1 },
  },
  {
    ...oneMessage,
    name: "1 campaign, 1 message, 2 workers; any fault; pause and cancel",
    chances: { ...noChances, ...anyFault, faults: 1, pauses: 1, cancels: 1 },
  },
  {
    ...oneMessage,
    name: "1 campaign, 2 messages, 2 workers; a receipt lost, duplicated or contradicted; cancel",
    messagesPerCampaign: 2,
    credit: 2,
    chances: { ...noChances, lostReceipts: 1, duplicateReceipts: 1, contradictions: 1, faults: 1, cancels: 1 },
  },
  {
    ...twoCampaigns,
    name: "2 campaigns, 2 messages, 2 workers; a crash",
    chances: { ...noChances, crashes: 1, faults: 1 },
  },
  {
    ...twoCampaigns,
    name: "2 campaigns with credit for one, 2 messages, 1 worker; top-up and cancel",
    workers: 1,
    credit: 1,
    chances: { ...noChances, topUps: 1, cancels: 1 },
  },
  {
    ...oneMessage,
    name: "1 campaign with credit for the first price list, 2 messages, 2 workers; a new price list, a top-up, any fault",
    messagesPerCampaign: 2,
    credit: 3,
    chances: { ...noChances, ...anyFault, faults: 1, newLists: 1, topUps: 1 },
  },
];
