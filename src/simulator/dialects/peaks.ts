// What each account has shown at most since the process started: binds, parts in flight, parts in
// any second. By this a sender's limits are proved from the carrier's side.

import type { AccountPeaks } from "../../contracts/simulator_answers.ts";

interface Entry extends AccountPeaks {
  /** Arrivals of the last second, oldest first from `head`; times and parts. */
  times: number[];
  parts: number[];
  head: number;
  partsInSecond: number;
}

const windowMs = 1_000;
/** The arrays are cut when so much of them is over. */
const compactAt = 4_096;

export function createPeaks(nowMs: () => number = () => performance.now()) {
  const entries = new Map<string, Entry>();
  const of = (name: string): Entry => {
    let entry = entries.get(name);
    if (entry === undefined) {
      entry = {
        ...{ binds: 0, binds_most: 0, in_flight: 0, in_flight_most: 0, parts_per_second_most: 0 },
        ...{ times: [], parts: [], head: 0, partsInSecond: 0 },
      };
      entries.set(name, entry);
    }
    return entry;
  };
  const arrive = (entry: Entry, parts: number): void => {
    const now = nowMs();
    entry.times.push(now);
    entry.parts.push(parts);
    entry.partsInSecond += parts;
    while ((entry.times[entry.head] as number) <= now - windowMs) entry.partsInSecond -= entry.parts[entry.head++] as number;
    if (entry.head >= compactAt) {
      entry.times.splice(0, entry.head);
      entry.parts.splice(0, entry.head);
      entry.head = 0;
    }
    entry.parts_per_second_most = Math.max(entry.parts_per_second_most, entry.partsInSecond);
  };

  return {
    /** A submit of so many parts has come. @returns to be called once, when it is answered */
    begin(name: string, parts: number): () => void {
      const entry = of(name);
      arrive(entry, parts);
      entry.in_flight += parts;
      entry.in_flight_most = Math.max(entry.in_flight_most, entry.in_flight);
      return () => {
        entry.in_flight -= parts;
      };
    },
    inFlight: (name: string): number => of(name).in_flight,
    binds: (name: string): number => of(name).binds,
    bind(name: string): void {
      const entry = of(name);
      entry.binds += 1;
      entry.binds_most = Math.max(entry.binds_most, entry.binds);
    },
    unbind(name: string): void {
      of(name).binds -= 1;
    },
    read(): Record<string, AccountPeaks> {
      const shown = ({ binds, binds_most, in_flight, in_flight_most, parts_per_second_most }: Entry): AccountPeaks => ({
        ...{ binds, binds_most, in_flight, in_flight_most, parts_per_second_most },
      });
      return Object.fromEntries([...entries].map(([name, entry]) => [name, shown(entry)]));
    },
  };
}
