// Publishes the audit's results to everyone who watches the laws in the console (topic laws). Run
// beside the system by `up` and `demo`; it checks only while somebody watches.
import { type LawState, type LawsUpdate, systemChannel } from "../contracts/topics.ts";
import { checkLaws, type LawSources, laws } from "../laws/check_laws.ts";
import { type BroadcastOptions, openPublisher } from "../platform/broadcast.ts";
import { errorFields, type Log } from "../platform/log.ts";
import { sleep } from "../platform/time/sleep.ts";
import { restsAPass } from "./check_watch.ts";

/** Short enough for a person who watches; a new viewer gets the first result within this time. */
const restMinMs = 1_000;

export interface LawsNews {
  stop(): Promise<void>;
}

/**
 * Checks, publishes, and rests four times as long as the check took. Any error is published as
 * `unknown`, and the check is tried again.
 */
export function startLawsNews(options: { sources: LawSources; redis: BroadcastOptions; log?: Pick<Log, "warn"> }): LawsNews {
  const publisher = openPublisher(options.redis);
  const stopping = new AbortController();
  const { signal } = stopping;
  let last: LawsUpdate | null = null;
  const look = async (): Promise<void> => {
    const startedMs = performance.now();
    if (await publisher.hasReaders("laws", systemChannel)) {
      try {
        const report = await checkLaws(options.sources, {}, signal);
        last = toUpdate(report);
      } catch (error) {
        if (signal.aborted) return;
        options.log?.warn({ event: "laws.check_failed", ...errorFields(error) });
        last = toUnknown(last, Math.round(performance.now() - startedMs));
      }
      publisher.publish("laws", systemChannel, last);
    }
    const tookMs = performance.now() - startedMs;
    await sleep(Math.max(restMinMs, tookMs * restsAPass), signal);
  };
  const run = (async () => {
    while (!signal.aborted) await look();
  })();
  return {
    async stop() {
      stopping.abort();
      await run;
      publisher.close();
    },
  };
}

function toUpdate(report: Awaited<ReturnType<typeof checkLaws>>): LawsUpdate {
  return {
    laws: report.laws.map(({ law, title, verdict, rowsCompared, broken, brokenCount }) => ({
      law,
      title,
      verdict,
      rows_compared: rowsCompared,
      broken: broken.map(({ row, description }) => ({ row: row.slice(0, 500), description: description.slice(0, 1_000) })),
      broken_count: brokenCount,
    })),
    form: report.form,
    has_journal: report.hasJournal,
    checked_at: new Date().toISOString(),
    took_ms: report.durationMs,
    age_ms: 0,
    version: Date.now(), // also grows when another process publishes
  };
}

/** A database is away: the previous result is no longer valid. */
function toUnknown(last: LawsUpdate | null, tookMs: number): LawsUpdate {
  const known: LawState[] =
    last?.laws ?? laws.map(({ name, title }) => ({ law: name, title, verdict: "unknown", rows_compared: 0, broken: [], broken_count: 0 }));
  return {
    laws: known.map((law) => ({ ...law, verdict: "unknown" })),
    form: last?.form ?? "running",
    has_journal: last?.has_journal ?? false,
    checked_at: last?.checked_at ?? null,
    took_ms: tookMs,
    age_ms: 0,
    version: Date.now(),
  };
}
