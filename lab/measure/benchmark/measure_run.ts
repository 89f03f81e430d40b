// One run of one subject: what it cost, between two moments, with the fixed work just before and
// just after.
import type { Databases } from "../sampling/databases.ts";
import { openUsageMeter, type Pids } from "../sampling/process_usage.ts";
import type { FixedWork } from "../subjects/fixed_work.ts";
import type { Run } from "./results.ts";

export interface RunOptions {
  messages: number;
  fixedWork: FixedWork;
  /** Processes and engines of the subject. */
  pids(): Pids;
  /** Null: it has none. */
  databases: Databases | null;
  /** This program does a part of the subject's work: its CPU counts under this name. */
  ownName?: string;
  /** @returns how long it took, in seconds */
  work(): Promise<number>;
}

export async function measureRun({ messages, fixedWork, pids, databases, ownName, work }: RunOptions): Promise<Run> {
  await databases?.settleDown();
  const fixedBeforeMs = await fixedWork.measure();
  const usage = openUsageMeter(pids);
  const walBefore = (await databases?.walBytes()) ?? 0;
  const ownBefore = process.cpuUsage();
  const seconds = await work();
  const own = process.cpuUsage(ownBefore);
  const cpuMicros = { ...usage.cpuMicros(), ...(ownName === undefined ? {} : { [ownName]: own.user + own.system }) };
  const walBytes = databases === null ? null : ((await databases.walBytes()) - walBefore) / messages;
  const peakRssMib = usage.peakRssMib();
  const fixedAfterMs = await fixedWork.measure();
  return {
    messages,
    seconds,
    cpuMicros: Object.fromEntries(Object.entries(cpuMicros).map(([name, micros]) => [name, micros / messages])),
    fixedWorkMs: (fixedBeforeMs + fixedAfterMs) / 2,
    walBytes,
    peakRssMib,
    ...{ lawsBroken: [], wrongStates: 0, creditOff: 0 },
  };
}
