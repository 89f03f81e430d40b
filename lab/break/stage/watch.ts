// Follows the campaigns of one run from outside: reads their rows ten times a second, bypassing
// every proxy, with the read-only role.
import { countIn, messageStatuses } from "../../../src/contracts/states.ts";
import { openPostgres } from "../../../src/platform/postgres.ts";
import { perStatus } from "../../../src/platform/state_sql.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import type { RateSample } from "../../measure/report/verdict.ts";
import type { LabCluster } from "../lab_cluster.ts";

const sampleEveryMs = 100;

export interface Watch {
  samples: readonly RateSample[];
  /** The newest sample. */
  now(): RateSample;
  /** Statuses of the campaigns at the newest sample. */
  statuses(): readonly string[];
  /**
   * Resolves with the first sample that matches, including the newest one.
   * @throws when nothing has changed for limitMs, with the last sample: a busy machine makes things
   * slow, a defect makes them stop.
   */
  until(what: string, isTrue: (sample: RateSample) => boolean, limitMs: number): Promise<RateSample>;
  close(): Promise<void>;
}

/** Messages of a sample that have ended. */
export function countEnded({ counts }: RateSample): number {
  return countIn("final", counts);
}

export function countAll({ counts }: RateSample): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** @param startedMs when the clock of the run started (performance.now) */
export async function openWatch(
  cluster: LabCluster,
  bulksmsIds: readonly string[],
  startedMs: number,
  onSample: (sample: RateSample, statuses: readonly string[]) => void,
): Promise<Watch> {
  const sql = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  const samples: RateSample[] = [];
  let statuses: readonly string[] = [];
  let changedAtMs = performance.now();
  let isClosed = false;
  let waiting: (() => void)[] = [];

  const read = async (): Promise<void> => {
    const rows = await sql<Record<string, string | number>[]>`
      select status::text, ${perStatus(sql, messageStatuses, (state) => state)}
      from bulksms where id = any(${bulksmsIds as string[]})`;
    const counts = Object.fromEntries(messageStatuses.map((state) => [state, rows.reduce((sum, row) => sum + Number(row[state]), 0)]));
    const statusesBefore = statuses;
    statuses = rows.map((row) => String(row.status));
    const sample = { atMs: Math.round(performance.now() - startedMs), counts };
    const isSame = JSON.stringify([counts, statuses]) === JSON.stringify([samples.at(-1)?.counts, statusesBefore]);
    if (!isSame) changedAtMs = performance.now();
    samples.push(sample);
    onSample(sample, statuses);
    for (const wake of waiting.splice(0)) wake();
  };
  const loop = async (): Promise<void> => {
    while (!isClosed) {
      // a database that is down gives no sample: the curve shows that, too
      await read().catch(() => {});
      await sleep(sampleEveryMs);
    }
  };
  await read();
  const looping = loop();
  const now = (): RateSample => samples.at(-1) as RateSample;
  return {
    samples,
    now,
    statuses: () => statuses,
    async until(what, isTrue, limitMs) {
      const startedAtMs = performance.now();
      while (!isTrue(now())) {
        const leftMs = Math.max(changedAtMs, startedAtMs) + limitMs - performance.now();
        if (leftMs <= 0)
          throw new Error(`waited ${limitMs} ms for ${what}, without success; last: ${JSON.stringify({ statuses, ...now() })}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          waiting.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
      return now();
    },
    async close() {
      isClosed = true;
      for (const wake of waiting.splice(0)) wake();
      waiting = [];
      await sql.end({ timeout: 0 });
      await looping;
    },
  };
}
