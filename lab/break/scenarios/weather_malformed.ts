// Beside half of the true receipts comes a well signed one that no message can take: an unknown
// word, an unknown message, a number for a word, broken JSON, and contradictions to ends that were
// taken. All but the broken are kept, each once: exactly those that were made up (L11).
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-malformed",
  shows: "nonsense under a good signature is kept aside, exactly as much as was made up",
  workload: { campaigns: 1, contacts: 400 },
  async faults(stage) {
    await stage.inflict(weatherFault({ malformed: { share: 0.5 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
