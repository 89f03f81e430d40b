// The carrier accepts every submit, but its answers never arrive. The worker cannot know whether
// anybody was texted, so it submits again under the same references, and the carrier repeats its
// first verdict: nobody is texted twice (L4), nobody is charged twice (L3).
import { linkFault } from "../faults/links.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "replies-lost",
  shows: "the carrier's answers are lost: every message is submitted again, none is sent twice",
  workload: { campaigns: 1, contacts: 600 },
  async faults(stage) {
    await stage.untilInFlight();
    await stage.inflict(linkFault("sales_worker-simulator", "drop_replies", { repliesPassedMax: 0 }), 3_000);
  },
};
