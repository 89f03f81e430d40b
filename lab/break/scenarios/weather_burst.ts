// The carrier holds back its receipts for two seconds and releases them at ten times their rate,
// again and again. Batches grow instead of queues; receipts rejected for their number come again.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-burst",
  shows: "receipts come in bursts at ten times their rate",
  workload: { campaigns: 2, contacts: 600 },
  async faults(stage) {
    await stage.inflict(weatherFault({ burst: { hold_ms: 2_000, factor: 10 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
