// Half of the genuine receipts are accompanied by a forged one that would end or charge its message
// otherwise: with another secret, over another body, ten days old, or not signed at all. Each gets
// 401; an effect would break L3 or L8, and L11 names any that was believed.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-forged",
  shows: "forged receipts are rejected and change nothing",
  workload: { campaigns: 1, contacts: 400 },
  async faults(stage) {
    await stage.inflict(weatherFault({ forged: { share: 0.5 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
