// How the steps of a campaign read and change its row in bulksms: one guarded statement per change
// of state. Callers: commands, reserve, finish, advance.
import { builtInCarrier, type CarrierAnswer } from "../../contracts/carriers.ts";
import { type BulksmsStatus, campaignsLeadingTo, isCampaignIn } from "../../contracts/states.ts";
import type { AnySql, TransactionSql } from "../../platform/postgres.ts";
import { countersObject, statusIn } from "../../platform/state_sql.ts";
import type { CampaignProgress } from "./move_messages.ts";

/** What a step needs to know about a campaign. */
export interface Campaign extends CampaignProgress {
  holdId: string | null;
  parts: bigint;
  /** What its messages cost together: the amount of a hold. */
  costMilli: bigint;
  /** The price of a part, where the list has one for all destinations; otherwise its highest. */
  priceMilli: bigint;
  carrier: CarrierAnswer;
  /** A single text: made and run at once, it is never `ready`. */
  isMessage: boolean;
  /** It has been `running` with this hold, and so can never be `ready` again. */
  hasRun: boolean;
}

/** The carrier of campaign `b`, as answers name it. */
export function carrierColumn(sql: AnySql) {
  return sql`coalesce((select json_build_object('name', r.name, 'simulated', coalesce(r.is_simulated, false)) from carrier r where r.id = b.carrier_id),
    json_build_object('name', ${sql.unsafe(`'${builtInCarrier}'`)}, 'simulated', true))`;
}

/** The columns of Campaign: the select list of every statement that returns one. */
export function campaignColumns(sql: AnySql) {
  return sql`b.id as "bulksmsId", b.workspace_id as "workspaceId", b.status, b.contacts, b.parts_sent as "partsSent",
    b.charged_milli as "chargedMilli", b.cost_milli as "costMilli", b.version,
    b.hold_id as "holdId", b.parts, b.price as "priceMilli", b.started_at is not null as "hasRun", b.is_message as "isMessage", ${carrierColumn(sql)} as carrier,
    b.unconfirmed, ${countersObject(sql, "b")} as counts`;
}

/**
 * A campaign of any workspace, read without a lock; null if it does not exist. For internal steps,
 * not for outside callers.
 */
export async function readCampaign(sql: AnySql, bulksmsId: string): Promise<Campaign | null> {
  const rows = await sql<Campaign[]>`select ${campaignColumns(sql)} from bulksms b where b.id = ${bulksmsId}`;
  return rows[0] ?? null;
}

/** The same, locked FOR NO KEY UPDATE: the first lock of every transaction that writes messages. */
export async function lockCampaign(transaction: TransactionSql, bulksmsId: string): Promise<Campaign | null> {
  const rows = await transaction<Campaign[]>`
    select ${campaignColumns(transaction)} from bulksms b where b.id = ${bulksmsId} for no key update of b`;
  return rows[0] ?? null;
}

/**
 * A change of state. It raises the version, so that watchers notice, and restarts the sweeper's
 * clock.
 */
export interface StatusChange {
  /** Each of them must lead to `to` (contracts/states.ts). Default: all that do. */
  from?: readonly BulksmsStatus[];
  to: BulksmsStatus;
  /** undefined leaves it unchanged. */
  lastError?: string | null;
  /** Applies only to the run with this hold. */
  holdId?: string | null;
  /** Applies only to a campaign of this workspace. */
  workspaceId?: string;
}

/**
 * Moves a campaign to another state; null if it is in none of the states `from`, or has another
 * hold or workspace.
 */
export async function changeStatus(sql: AnySql, bulksmsId: string, change: StatusChange): Promise<Campaign | null> {
  const { to, lastError, holdId, workspaceId } = change;
  const allowed = campaignsLeadingTo(to);
  const from = change.from ?? allowed;
  if (from.length === 0 || !from.every((status) => allowed.includes(status))) throw new Error(`no campaign goes from ${from} to ${to}`);
  const rows = await sql<Campaign[]>`
    update bulksms b set status = ${to}, status_at = now(), version = b.version + 1, next_ring_at = now(), ring_count = 0,
      last_error = ${lastError === undefined ? sql`b.last_error` : sql`${lastError}::text`},
      started_at = ${to === "running" ? sql`coalesce(b.started_at, now())` : sql`b.started_at`},
      ended_at = ${isCampaignIn("ended", to) ? sql`now()` : sql`b.ended_at`}
    where b.id = ${bulksmsId} and ${statusIn(sql, "b.status", from)}
      ${holdId === undefined ? sql`` : sql`and b.hold_id is not distinct from ${holdId}::uuid`}
      ${workspaceId === undefined ? sql`` : sql`and b.workspace_id = ${workspaceId}`}
    returning ${campaignColumns(sql)}`;
  return rows[0] ?? null;
}
