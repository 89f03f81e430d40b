// Nearly a third of the receipts never arrive. A message whose `sent` was lost but whose
// `delivered` came is still charged; one whose final receipt was lost expires after its deadline.
// What the carrier sent without any receipt arriving is listed by L3, not charged.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-third-lost",
  shows: "30 % of the receipts are lost: messages without receipts expire, the rest is charged",
  workload: { campaigns: 1, contacts: 400, deadlineS: 4, endsAreOpen: true, hasNoVisitors: true },
  async faults(stage) {
    await stage.inflict(weatherFault({ lost: { share: 0.3 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
