// The six exercises of docs/study.md. A test compares the two: a command or an expectation that is
// changed only here makes it fail.
import type { Exercise } from "./exercise.ts";

/**
 * The design switch of the exercise rule-out: the one whose two systems both finish, which makes it
 * the quickest.
 */
export const ruleOutSwitch = "naive-acknowledge-first";

/**
 * Marks one delivered message as undelivered. Its key selects it: the same statement changes one
 * row however often it is run.
 */
export const corruption =
  "update bulksms_info set status = 'undelivered' where (bulksms_id, row_no) = (select bulksms_id, row_no from bulksms_info where status = 'delivered' order by 1, 2 limit 1)";

export const exercises: readonly Exercise[] = [
  {
    name: "kill",
    title: "kill -9 of the process that sends, in the middle of a campaign",
    command: "npm run lab -- run process-sales_worker-kill",
    red: [],
  },
  {
    name: "freeze",
    title: "the process that sends stands still past its lease, and wakes beside its successor",
    command: "npm run lab -- run worker-frozen",
    red: [],
  },
  {
    name: "forge",
    title: "beside every second receipt comes a forged one that claims another end",
    command: "npm run lab -- run weather-forged",
    red: [],
  },
  {
    name: "lose-replies",
    title: "the network takes every submit, but its answers never arrive",
    command: "npm run lab -- run replies-lost",
    red: [],
  },
  {
    name: "rule-out",
    title: "a charge is confirmed before it stands in the ledger, and the ledger's process dies",
    command: `npm run lab -- naive ${ruleOutSwitch}`,
    red: ["L3"],
  },
  {
    name: "sql",
    title: "one delivered message is changed to undelivered by SQL",
    command: "npm run lab -- grade --only sql",
    red: ["L5", "L8", "L9"],
  },
];
