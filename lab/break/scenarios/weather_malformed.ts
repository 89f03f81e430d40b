// Half of the genuine receipts are accompanied by a correctly signed one that no message can take:
// an unknown word, an unknown message, a number for a word, broken JSON, and contradictions of ends
// that were taken. All but the broken ones are quarantined, each once: exactly those that were made
// up (L11).
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-malformed",
  shows: "correctly signed nonsense is quarantined, exactly as much as was made up",
  workload: { campaigns: 1, contacts: 400 },
  async faults(stage) {
    await stage.inflict(weatherFault({ malformed: { share: 0.5 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
