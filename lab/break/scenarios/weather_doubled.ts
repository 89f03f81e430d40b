// Every receipt comes five times, the copies up to 1.5 s apart and among others: in the same body,
// in later ones, after the campaign has ended. A row moves up once, a part is charged once (L3), no
// copy is an anomaly (L11).
import { untilAllEmitted, weatherFault } from "../faults/weather.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "weather-doubled",
  shows: "every receipt comes five times: each part is charged once",
  workload: { campaigns: 1, contacts: 400 },
  async faults(stage) {
    await stage.inflict(weatherFault({ doubled: { share: 1, times: 5 } }, { untilEnded: 0.9 }), 0);
  },
  expects: untilAllEmitted,
};
