// Half of the accepted bodies come again within three seconds, byte for byte, with their old
// signature, which is still valid. They are answered 2xx and change nothing.
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-replayed",
  shows: "old bodies come again with their old signature: nothing changes",
  workload: { campaigns: 1, contacts: 400 },
  async faults(stage) {
    await stage.inflict(weatherFault({ replayed: { share: 0.5 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
