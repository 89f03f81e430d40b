// Campaigns of our system as a client drives and watches them: created from a file, run to their
// end, and their laws.
import type { CampaignState } from "../../../src/cli/campaign_watch.ts";
import type { Connection } from "../../../src/cli/connection.ts";
import { openContacts } from "../../../src/cli/contacts_source.ts";
import type { CreateAnswer } from "../../../src/contracts/http.ts";
import { type MessageStatus, messageCounts, messageStatuses } from "../../../src/contracts/states.ts";
import type { LawsReport } from "../../../src/laws/check_laws.ts";
import type { Sql } from "../../../src/platform/postgres.ts";

const endPollMs = 50;
/** A campaign that does not move for this long never ends. */
const stillMaxMs = 60_000;

export interface Created {
  id: string;
  contacts: number;
  rejected: number;
  /** From the first byte of the upload to the answer. */
  seconds: number;
}

/** By the clock of this machine, which is also the databases'. */
export interface SentRun {
  startedMs: number;
  endedMs: number;
  /** As it ended. */
  campaign: CampaignState;
}

interface Ways {
  connection: Connection;
  /** salesdb as the audit sees it. */
  check: Sql;
}

export async function createFromFile({ connection }: Ways, file: string, fields: { text: string; carrier?: string }): Promise<Created> {
  const source = await openContacts(file);
  const startedAt = performance.now();
  const { id, contacts, rejected }: CreateAnswer = await connection.create({ source, fields });
  return { id, contacts, rejected, seconds: (performance.now() - startedAt) / 1_000 };
}

/** @returns the moment of the request */
export async function beginCampaign({ connection }: Ways, id: string): Promise<number> {
  const startedMs = Date.now();
  await connection.callSalesapi("the campaign was not run", "POST", "/run", { bulksms_id: id });
  return startedMs;
}

interface CampaignRow extends Record<MessageStatus, number> {
  status: CampaignState["status"];
  parts: string;
  partsSent: string;
  lastError: string | null;
  endedAt: Date | null;
  version: string;
}

/** @throws when it does not move for a minute, or has not ended within the limit */
export async function untilFinished(
  { check }: Ways,
  { id, contacts }: Pick<Created, "id" | "contacts">,
  { onChange = () => {}, limitMs = Number.POSITIVE_INFINITY }: { onChange?: (state: CampaignState) => void; limitMs?: number } = {},
): Promise<Pick<SentRun, "endedMs" | "campaign">> {
  const endAt = performance.now() + limitMs;
  let movedAt = performance.now();
  let versionSeen = "";
  for (;;) {
    const [row] = await check<CampaignRow[]>`
      select status::text as status, parts::text as parts, parts_sent::text as "partsSent", last_error as "lastError", ended_at as "endedAt",
        version::text as version, ${check(messageStatuses as unknown as string[])}
      from bulksms where id = ${id}`;
    if (row !== undefined && row.version !== versionSeen) {
      versionSeen = row.version;
      movedAt = performance.now();
      onChange(stateOf(row, contacts));
    }
    if (row?.status === "finished" && row.endedAt !== null) return { endedMs: row.endedAt.getTime(), campaign: stateOf(row, contacts) };
    const now = performance.now();
    if (now - movedAt > stillMaxMs) throw new Error(`campaign ${id} of ${contacts} does not move from ${row?.status}`);
    if (now > endAt) throw new Error(`campaign ${id} of ${contacts} is still ${row?.status} after ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, endPollMs));
  }
}

function stateOf(row: CampaignRow, contacts: number): CampaignState {
  const counts = messageCounts((status) => row[status]);
  const { status, parts, partsSent, lastError } = row;
  return {
    status,
    contacts,
    parts: Number(parts),
    partsSent: Number(partsSent),
    counts,
    unconfirmed: 0,
    lastError,
    credit: null,
    silent: null,
  };
}

/**
 * After a run with every message answered, each law has something to compare and nothing is in
 * flight: otherwise it counts as broken.
 */
export function lawsNotHeld({ laws, form }: LawsReport): string[] {
  return [...laws.filter(({ verdict }) => verdict !== "held").map(({ law }) => law), ...(form === "settled" ? [] : ["unsettled"])];
}
