// Half of the receipts arrive up to two seconds late, so `delivered` comes before `sent`, and
// `queued` last. A state only moves up, so the order does not matter: messages end as their numbers
// determine, and what was sent is charged.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-reordered",
  shows: "receipts overtake each other: messages have the same end and the same cost",
  workload: { campaigns: 1, contacts: 400 },
  async faults(stage) {
    await stage.inflict(weatherFault({ reordered: { share: 0.5, within_ms: 2_000 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
