// kill -9 of all six processes at once in mid-campaign, then of all three engines. Postgres is the
// only truth: committed work is there, uncommitted work is done again under the same reference, and
// the campaign ends exactly.

import { postgresStopped } from "../faults/postgres.ts";
import { killAll } from "../faults/processes.ts";
import { redisDown } from "../faults/redis.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "everything-dies",
  shows: "all six processes die at once, then all three engines: the campaign ends exactly",
  workload: { campaigns: 2, contacts: 500 },
  async faults(stage) {
    await stage.untilInFlight();
    await stage.inflict(killAll, 0);
    await stage.untilEnded(0.3);
    await Promise.all([postgresStopped("ds"), postgresStopped("salesdb"), redisDown].map((fault) => stage.inflict(fault, 500)));
  },
};
