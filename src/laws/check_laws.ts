// The read-only audit: all laws over both databases and the simulator's journal. Called by `bulksms
// check`, the demo, lab and the tests.
import { openPostgres, type TransactionSql } from "../platform/postgres.ts";
import { anomaliesInjected, readInjections } from "./anomalies.ts";
import { balances, ledgerSums } from "./balances.ts";
import { callbacks } from "./callbacks.ts";
import { acceptedOnce, endsAgree, knownToBoth, receiptsTakeEffect } from "./carrier_agreement.ts";
import { carrierBooks } from "./carrier_books.ts";
import { charges } from "./charges.ts";
import { counters } from "./counters.ts";
import { doubt } from "./doubt.ts";
import { endedCampaigns, holdsOfRuns } from "./endings.ts";
import { listJournal, readAccounts } from "./journal.ts";
import { createFinding, type Law, type LawForm, type LawResult, type LawSubject } from "./law.ts";
import { type JournalSnapshots, visitMessages } from "./messages.ts";
import { type Scope, type Snapshots, withSnapshots } from "./snapshots.ts";

/**
 * In the order of their numbers. L12 to L14 need more than these three sources: the lab's witnesses
 * judge them.
 */
export const laws: readonly Law[] = [
  ledgerSums,
  balances,
  charges,
  acceptedOnce,
  counters,
  endedCampaigns,
  knownToBoth,
  endsAgree,
  receiptsTakeEffect,
  holdsOfRuns,
  anomaliesInjected,
  doubt,
  carrierBooks,
  callbacks,
];

export interface LawSources {
  /** URL of the read-only role `check`. */
  dsUrl: string;
  salesdbUrl: string;
  /**
   * The carrier's data folder; if it has no journal, what needs the journal has nothing to check.
   */
  simulatorFolder: string;
}

export interface LawsReport {
  form: LawForm;
  /** Whether there was a journal of the simulator to compare with. */
  hasJournal: boolean;
  laws: LawResult[];
  rowsCompared: number;
  brokenLaws: number;
  durationMs: number;
}

/**
 * Checks every law, on an idle or a running system. Only reads; memory does not grow with the
 * number of messages.
 * @param signal aborts the check
 * @throws the driver's error if a database does not answer (isConnectionError)
 */
export async function checkLaws(sources: LawSources, scope: Scope = {}, signal?: AbortSignal): Promise<LawsReport> {
  const startedMs = performance.now();
  // two snapshots of ds are open at once
  const ds = openPostgres(sources.dsUrl, { applicationName: "bulksms check", connections: 2 });
  const salesdb = openPostgres(sources.salesdbUrl, { applicationName: "bulksms check", connections: 1 });
  const giveUp = (): void => {
    // pending queries then reject
    for (const sql of [ds, salesdb]) void sql.end({ timeout: 0 });
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const before = await snapshotJournal(sources.simulatorFolder);
    return await withSnapshots({ ds, salesdb }, scope, async (snapshots) => {
      const after = before === null ? null : await snapshotJournal(sources.simulatorFolder);
      const journal =
        before === null || after === null
          ? null
          : {
              folder: sources.simulatorFolder,
              before: before.listing,
              after: after.listing,
              accounts: after.accounts,
              injections: { before: before.injections, after: after.injections },
            };
      const form: LawForm = snapshots.isInFlight ? "running" : "settled";
      const present = await readSubjects(snapshots.salesdb);
      const judged = laws.filter(({ concerns }) => concerns === undefined || present[concerns]);
      const findings = judged.map((law) => ({ law, finding: createFinding(), durationMs: 0 }));
      for (const entry of findings) entry.durationMs += await timed(() => entry.law.checkRows?.(snapshots, entry.finding, journal));
      if (journal !== null) {
        const durationMs = await timed(() => judgeMessages(snapshots, journal, findings));
        for (const entry of findings) if (entry.law.judgeMessage !== undefined) entry.durationMs += durationMs;
      }
      const results = findings.map(({ law, finding, durationMs }) => ({
        law: law.name,
        title: law.title,
        form,
        ...finding.result(),
        durationMs: Math.round(durationMs),
      }));
      return {
        form,
        hasJournal: journal !== null,
        laws: results,
        rowsCompared: results.reduce((sum, result) => sum + result.rowsCompared, 0),
        brokenLaws: results.filter((result) => result.verdict === "broken").length,
        durationMs: Math.round(performance.now() - startedMs),
      };
    });
  } finally {
    signal?.removeEventListener("abort", giveUp);
    await Promise.all([ds.end({ timeout: 1 }), salesdb.end({ timeout: 1 })]);
  }
}

async function readSubjects(salesdb: TransactionSql): Promise<Record<LawSubject, boolean>> {
  const [found] = await salesdb<[Record<LawSubject, boolean>]>`
    select exists (select from carrier) as carriers, exists (select from callback_account) as callbacks`;
  return found;
}

/** null if there is no journal here. */
async function snapshotJournal(simulatorFolder: string) {
  const listing = await listJournal(simulatorFolder);
  if (listing === null) return null;
  return { listing, injections: await readInjections(simulatorFolder), accounts: await readAccounts(simulatorFolder) };
}

async function judgeMessages(
  snapshots: Snapshots,
  journal: JournalSnapshots,
  findings: readonly { law: Law; finding: ReturnType<typeof createFinding> }[],
): Promise<void> {
  const judges = findings.flatMap(({ law, finding }) => (law.judgeMessage === undefined ? [] : [{ judge: law.judgeMessage, finding }]));
  await visitMessages(snapshots, journal, (message) => {
    for (const { judge, finding } of judges) judge(message, finding);
  });
}

async function timed(work: () => Promise<void> | undefined): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
