// L11: whatever was kept as an anomaly was made up by the weather. A receipt that a true carrier
// never sent is kept as an anomaly, once, and no other receipt is.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Injections, injectionsFile, parseInjections } from "../contracts/simulator_weather.ts";
import type { Finding, Law } from "./law.ts";
import type { JournalSnapshots } from "./messages.ts";
import { cursorRows, onlyCampaigns, type Snapshots } from "./snapshots.ts";

export const anomaliesInjected: Law = {
  name: "L11",
  title: "receipts kept as anomalies (but late ones) = those that the weather made up",
  checkRows: checkAnomalies,
  // every message that the carrier knows was free to have an anomaly
  judgeMessage: ({ after }, finding) => {
    if (after.verdicts > 0) finding.compared(1);
  },
};

/** What the carrier has made up so far; empty if there never was any weather. */
export async function readInjections(simulatorFolder: string): Promise<Injections> {
  const text = await readFile(join(simulatorFolder, injectionsFile), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  });
  return parseInjections(text);
}

interface Anomaly {
  id: string;
  kind: string;
  reference: string;
}

/**
 * By id: answered (before) <= anomalies of salesdb <= made up (after), because a receipt is written
 * down before it is sent. One that meets a row which we ended ourselves is `late`, as a true
 * receipt would be.
 */
async function checkAnomalies(snapshots: Snapshots, finding: Finding, journal: JournalSnapshots | null): Promise<void> {
  if (journal === null) return;
  const { before, after } = journal.injections;
  const { salesdb: sql, scope } = snapshots;
  const anomalies = sql<Anomaly[]>`
    select a.receipt_id as id, a.kind, a.reference from receipt_anomaly a
    where a.kind <> 'late' ${scope.workspaceId === undefined ? sql`` : sql`and a.bulksms_id in (select b.id from bulksms b where true ${onlyCampaigns(sql, "b", scope)})`}`;
  for await (const batch of anomalies.cursor(cursorRows)) {
    finding.compared(batch.length);
    for (const { id, kind, reference } of batch) {
      const name = `receipt_anomaly ${id}`;
      const madeUpAs = after.kinds.get(id);
      if (madeUpAs === undefined) finding.broken(name, `${kind} of ${reference}, but no weather made it up`);
      else if (madeUpAs !== kind) finding.broken(name, `${kind}, but it was made up as ${madeUpAs}`);
    }
  }
  await checkAnswered([...(await idsOfScope(snapshots, before.answered))], snapshots, finding);
  for (const { id, kind } of after.taken) finding.broken(`made-up receipt ${id}`, `${kind}, and answered 2xx all the same`);
}

/** Each one that was answered 2xx was kept. */
async function checkAnswered(ids: readonly string[], { salesdb: sql }: Snapshots, finding: Finding): Promise<void> {
  for (let at = 0; at < ids.length; at += cursorRows) {
    const asked = ids.slice(at, at + cursorRows);
    const rows = await sql<{ id: string }[]>`select receipt_id as id from receipt_anomaly where receipt_id = any(${asked})`;
    const kept = new Set(rows.map(({ id }) => id));
    finding.compared(asked.length);
    for (const id of asked) if (!kept.has(id)) finding.broken(`made-up receipt ${id}`, "answered 2xx, but it stands in no receipt_anomaly");
  }
}

/** An id begins with the campaign whose receipt it was made up beside. */
async function idsOfScope({ salesdb: sql, scope }: Snapshots, ids: ReadonlySet<string>): Promise<Iterable<string>> {
  if (scope.workspaceId === undefined || ids.size === 0) return ids;
  const rows = await sql<{ id: string }[]>`select b.id from bulksms b where true ${onlyCampaigns(sql, "b", scope)}`;
  const campaigns = new Set(rows.map(({ id }) => id));
  return [...ids].filter((id) => campaigns.has(id.slice(0, id.indexOf("."))));
}
