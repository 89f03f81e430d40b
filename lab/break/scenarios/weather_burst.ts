// The carrier holds its receipts back for two seconds and lets them out at ten times their rate,
// again and again. Batches grow instead of queues; what is refused for its number comes again.
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
