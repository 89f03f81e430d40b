// A switch fails: every link of one worker becomes a black hole at once, while it holds leases and
// its sessions hold locks. Others take over after its leases expire; it comes back with its
// unfinished work.
import { linkFault } from "../faults/links.ts";
import type { Scenario } from "../stage/scenario.ts";

export const scenario: Scenario = {
  name: "partition",
  shows: "one worker is cut off from everything at once, and comes back",
  workload: { campaigns: 2, contacts: 400 },
  async faults(stage) {
    await stage.untilInFlight();
    const links = stage.links.all().filter((link) => link.from === "sales_worker");
    await Promise.all(links.map((link) => stage.inflict(linkFault(link.name, "blackhole"), 4_000)));
  },
};
