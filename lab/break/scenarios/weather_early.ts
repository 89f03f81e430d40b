// First receipts overtake the answer to their own submit. Our row is still `pending`, and it moves
// up anyway; the later answer reverts nothing.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-early",
  shows: "receipts arrive before their submit is answered",
  workload: { campaigns: 1, contacts: 400 },
  async faults(stage) {
    await stage.inflict(weatherFault({ early: { share: 0.3 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
