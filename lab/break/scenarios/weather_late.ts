// A third of the receipts come after the deadline and the horizon, when the row has expired and the
// campaign has ended. No final state is left (L8), nothing more is charged, and each of them is
// quarantined as an anomaly of kind `late` (L9).
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-late",
  shows: "receipts come after the campaign has ended: they are quarantined, no final state changes",
  workload: { campaigns: 1, contacts: 400, deadlineS: 4, endsAreOpen: true, hasNoVisitors: true },
  async faults(stage) {
    await stage.inflict(weatherFault({ late: { share: 0.3, after_ms: 2_000 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
