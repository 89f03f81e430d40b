// Postgres commits, and its answer is lost with the connection (C34). The caller cannot know the
// outcome: whole transactions are run again, and every effect has a key, so that the second run
// changes nothing. On both databases, for every process that writes.
import { linkFault } from "../faults/links.ts";
import type { Scenario } from "../stage/scenario.ts";

const links = ["salesapi-salesdb", "sales_worker-salesdb", "general_worker-ds", "rpc-ds", "webapi-ds"];

export const scenario: Scenario = {
  name: "commits-in-doubt",
  shows: "answers of both databases are lost for every process in turn: repeated transactions have one effect",
  workload: { campaigns: 2, contacts: 500 },
  async faults(stage) {
    await stage.untilInFlight();
    for (const link of links) await stage.inflict(linkFault(link, "drop_replies"), 800);
  },
};
