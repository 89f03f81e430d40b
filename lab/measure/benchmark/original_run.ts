// The original's design in the benchmark: one campaign from its run to its last job, and the
// result.
import { startOriginal } from "../subjects/original/original_system.ts";
import { readTruth } from "../subjects/original/wrong_states.ts";
import { type MeasuredRun, perMessage } from "./measured_run.ts";
import { openUsageMeter } from "./process_usage.ts";
import { openServers } from "./servers.ts";

/** It is never this slow, even on a busy machine. */
const perMessageMaxMs = 50;

export interface MeasuredOriginal {
  measure(messages: number, round: number): Promise<MeasuredRun>;
  stop(): Promise<void>;
}

export async function openMeasuredOriginal(): Promise<MeasuredOriginal> {
  const system = await startOriginal();
  const servers = openServers(system.ownerUrls);
  return {
    async measure(messages, round) {
      const campaign = await system.create(messages);
      await servers.settleDown();
      const usage = openUsageMeter(system.pids());
      const walBefore = await servers.walBytes();
      const startedAt = performance.now();
      await system.run(campaign);
      await system.untilQuiet(campaign, 30_000 + messages * perMessageMaxMs);
      const seconds = (performance.now() - startedAt) / 1_000;
      const cpuMicros = usage.cpuMicros();
      const walBytes = (await servers.walBytes()) - walBefore;
      const { wrongStates, creditOff } = await readTruth(system, campaign);
      return {
        subject: "original",
        round,
        messages,
        seconds,
        perSecond: messages / seconds,
        cpuMicrosPerMessage: perMessage(cpuMicros, messages),
        walBytesPerMessage: walBytes / messages,
        peakRssMib: usage.peakRssMib(),
        lawsBroken: [],
        wrongStates,
        creditOff,
      };
    },
    async stop() {
      await servers.close();
      await system.stop();
    },
  };
}
