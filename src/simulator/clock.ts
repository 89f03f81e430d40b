// The simulator's two clocks. Steps wait by the steady one, so that a wall clock that is set,
// forward or back, neither hurries nor delays them, also across restarts; what others read or
// compare (stamps, valid_until) is wall time.
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { noBoot } from "../contracts/simulator_journal.ts";

export interface SimulatorClock {
  /** The time of day in ms: may be set, forward or back. */
  wallMs(): number;
  /** Only grows, through restarts of the process too, and stands still while the machine sleeps. */
  steadyMs(): number;
  /** Names the boot of the machine: steady times of one boot may be compared. */
  boot: number;
}

/** When something began, as it stands in the journal. */
export interface ClockReading {
  atMs: number;
  steadyAtMs: number;
  boot: number;
}

export function createClock(): SimulatorClock {
  // since the boot, unlike performance.now, which is quicker to ask
  const sinceBootMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  return { wallMs: () => Date.now(), steadyMs: () => sinceBootMs + performance.now(), boot: readBoot() };
}

/**
 * The steady time of a reading, by this boot's count. One of another boot began as long ago as the
 * time of day says, and never later than now: it was made before.
 */
export function steadyTimeOf({ atMs, steadyAtMs, boot }: ClockReading, clock: SimulatorClock): number {
  return boot === clock.boot ? steadyAtMs : clock.steadyMs() - Math.max(0, clock.wallMs() - atMs);
}

/**
 * A machine that does not name its boots (other than Linux) counts each start of the process as
 * one.
 */
function readBoot(): number {
  try {
    return Math.max(noBoot + 1, crc32(readFileSync("/proc/sys/kernel/random/boot_id")));
  } catch {
    return randomInt(noBoot + 1, 2 ** 32);
  }
}
