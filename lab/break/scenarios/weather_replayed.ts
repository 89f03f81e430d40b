// Half of the bodies that were taken come again within three seconds, byte by byte, with their old
// signature that is still valid. They are answered 2xx and change nothing.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-replayed",
  shows: "old bodies come again under their old signature: nothing new happens",
  workload: { campaigns: 1, contacts: 400 },
  async faults(stage) {
    await stage.inflict(weatherFault({ replayed: { share: 0.5 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
