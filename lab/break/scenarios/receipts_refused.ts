// The carrier cannot reach salesapi for five seconds while it has hundreds of receipts to deliver.
// It keeps them in its journal and repeats them; each one that was answered 2xx takes effect
// exactly once (L9), in whatever order they arrive.
import { linkFault } from "../faults/links.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "receipts-refused",
  shows: "no receipt gets through for five seconds: all arrive later, each counts once",
  workload: { campaigns: 1, contacts: 600 },
  async faults(stage) {
    await stage.untilInFlight();
    await stage.inflict(linkFault("simulator-salesapi", "reset"), 5_000);
  },
};
