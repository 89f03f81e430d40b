// The sales_worker is frozen past its lease (SIGSTOP), a second one takes over its chunks, and then
// the first wakes in the middle of a submit. The intent statement stops it: it submits nothing
// more, and records the answers that it has. The carrier repeats its first verdicts.
import { commandAll } from "../faults/operators.ts";
import { freeze } from "../faults/processes.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "worker-frozen",
  shows: "a worker freezes past its lease and wakes beside its successor: nobody is texted twice",
  workload: { campaigns: 2, contacts: 600 },
  async faults(stage) {
    // it is slow to start: nothing may be over by then
    await commandAll(stage, "pause");
    const other = await stage.cluster.startAnother("sales_worker");
    stage.note(`a second sales_worker joins (pid ${other.pid})`);
    await commandAll(stage, "resume");
    await stage.untilInFlight();
    await stage.inflict(freeze("sales_worker"), 5_000);
    await stage.untilEnded(0.6);
  },
};
