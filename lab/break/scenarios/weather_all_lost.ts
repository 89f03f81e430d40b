// The carrier sends everything and reports nothing. Every accepted message expires after its
// deadline and the receipt horizon, nobody is charged, and the whole hold is released: the campaign
// does not wait forever.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-all-lost",
  shows: "no receipt ever arrives: every message expires, nothing is charged, the hold is released",
  workload: { campaigns: 1, contacts: 400, deadlineS: 4, endsAreOpen: true, hasNoVisitors: true },
  async faults(stage) {
    await stage.inflict(weatherFault({ lost: { share: 1 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
