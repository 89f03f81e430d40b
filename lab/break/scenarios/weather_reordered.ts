// Half of the receipts are told up to two seconds late, so `delivered` comes before `sent`, and
// `queued` last. A state only grows, so the order does not matter: messages end as their numbers
// say, and what is charged is what was sent.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-reordered",
  shows: "receipts overtake each other: messages end and cost the same",
  workload: { campaigns: 1, contacts: 400 },
  async faults(stage) {
    await stage.inflict(weatherFault({ reordered: { share: 0.5, within_ms: 2_000 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
