// FLUSHALL again and again. Redis carries only doorbells and updates: the sweeper rings from the
// rows, versions are read again, and only time is lost.
import { redisWiped } from "../faults/redis.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "redis-wiped-often",
  shows: "Redis is wiped ten times in mid-campaign: only time is lost",
  workload: { campaigns: 2, contacts: 500 },
  async faults(stage) {
    await stage.untilInFlight();
    for (let wipe = 0; wipe < 10; wipe += 1) await stage.inflict(redisWiped, 300);
  },
};
