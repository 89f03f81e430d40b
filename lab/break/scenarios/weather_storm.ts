// All weather at once, over two campaigns with deadlines. How many messages expire cannot be known
// in advance; the laws check that the outcome adds up.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-storm",
  shows: "all weather at once, and everything still adds up",
  workload: { campaigns: 2, contacts: 400, deadlineS: 4, endsAreOpen: true, hasNoVisitors: true },
  async faults(stage) {
    await stage.inflict(
      weatherFault(
        {
          doubled: { share: 0.3, times: 5 },
          reordered: { share: 0.3, within_ms: 2_000 },
          lost: { share: 0.1 },
          early: { share: 0.1 },
          late: { share: 0.1, after_ms: 1_000 },
          forged: { share: 0.2 },
          malformed: { share: 0.2 },
          replayed: { share: 0.3 },
          burst: { hold_ms: 700, factor: 10 },
        },
        { untilEnded: 0.9 },
      ),
      0,
    );
  },
  expects: untilAllEmitted,
};
