// Nearly a third of the receipts is never told. A message whose `sent` was lost but whose
// `delivered` came is charged all the same; one of whose end no word came expires after its
// deadline. What the carrier sent and nobody heard of is listed by L3, not charged.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-third-lost",
  shows: "30 % of the receipts are lost: silent messages expire, the rest is charged",
  workload: { campaigns: 1, contacts: 400, deadlineS: 4, endsAreOpen: true, hasNoVisitors: true },
  async faults(stage) {
    await stage.inflict(weatherFault({ lost: { share: 0.3 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
