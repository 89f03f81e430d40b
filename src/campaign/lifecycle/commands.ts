// What a person commands: run, pause, resume, cancel. Each is one guarded statement; in another
// state it is refused with the current one. Called by the routes of salesapi; every statement
// carries the workspace.
import { builtInCarrier, type CarrierAnswer } from "../../contracts/carriers.ts";
import { formatCredits } from "../../contracts/credits.ts";
import { AppError } from "../../contracts/errors.ts";
import type { Pricing } from "../../contracts/prices.ts";
import type { BulksmsStatus } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import type { Sql } from "../../platform/postgres.ts";
import { succeedsWithin } from "../../platform/time/deadline.ts";
import { takeImport } from "../import/import_lease.ts";
import { abandonImport } from "../import/purge_imports.ts";
import { costByList, reprice } from "../pricing/reprice.ts";
import { type Campaign, campaignColumns, carrierColumn, changeStatus, readCampaign, type StatusChange } from "./campaign_rows.ts";
import { type ReserveDependencies, reserve, reserveDeadlineMs } from "./reserve.ts";

export interface CommandedBulksms {
  workspaceId: string;
  bulksmsId: string;
}

/** What the caller was shown; null: it may be anything. */
export interface Expected {
  contacts: number | null;
  parts: number | null;
  costMaxMilli: bigint | null;
  /** By name; one that was shown as simulated must still be so. */
  carrier: CarrierAnswer | null;
}

export const expectAnything: Expected = { contacts: null, parts: null, costMaxMilli: null, carrier: null };

/** The newest price list that we know, and the version that the caller accepts, if any. */
export interface PriceTerms {
  pricing: Pricing;
  acceptedVersion?: number | undefined;
}

/**
 * Reserves what the campaign's messages cost, and starts it. Returns it in `running`, or in
 * `reserving` if rpc does not answer. A campaign that was priced by an older list is re-priced
 * first if its caller accepts the newest one.
 * @throws AppError bulksms_not_found, state_conflict (details.current), insufficient_credit
 * (details.needed, details.available; the campaign is `ready` again), quote_changed
 * (details.contacts, parts, price, cost) when the campaign is more than was expected, price_changed
 * (details.price_version, price, cost_before, cost) when there is a newer price list,
 * carrier_not_live, carrier_changing, carrier_changed.
 */
export async function run(
  dependencies: ReserveDependencies,
  commanded: CommandedBulksms,
  { pricing, acceptedVersion }: PriceTerms,
  expected: Expected = expectAnything,
): Promise<Campaign> {
  if (acceptedVersion === pricing.version) await reprice(dependencies.sql, commanded, pricing);
  const reserving = await beginRun(dependencies.sql, commanded, pricing, expected);
  if (reserving === null) return refuseRun(dependencies.sql, commanded, pricing, expected);
  reachFailpoint("run_committed");
  const reserved = await reserve(dependencies, reserving, reserveDeadlineMs);
  switch (reserved.kind) {
    case "running":
      return reserved.campaign;
    case "refused":
      throw reserved.error;
    case "silent":
      return reserving;
    case "elsewhere":
      return reserved.campaign ?? reserving;
  }
}

/**
 * `ready -> reserving` with a new hold: of two concurrent runs, one finds no row. The run is
 * recorded, so that the laws can compare runs and holds.
 */
async function beginRun(
  sql: Sql,
  { workspaceId, bulksmsId }: CommandedBulksms,
  pricing: Pricing,
  expected: Expected,
): Promise<Campaign | null> {
  const rows = await sql<Campaign[]>`
    with b as (
      update bulksms set status = 'reserving', status_at = now(), hold_id = uuidv7(), last_error = null,
        version = version + 1, next_ring_at = now(), ring_count = 0
      where id = ${bulksmsId} and workspace_id = ${workspaceId} and status = 'ready' and price_version = ${pricing.version} and next_carrier_id is null
        and contacts <= coalesce(${expected.contacts}::bigint, contacts) and parts <= coalesce(${expected.parts}::bigint, parts)
        and cost_milli <= coalesce(${expected.costMaxMilli}::bigint, cost_milli)
        and ${maySend(sql)} and ${hasExpectedCarrier(sql, expected)}
      returning *
    ), r as (
      insert into bulksms_run (hold_id, bulksms_id, amount) select hold_id, id, cost_milli from b
    )
    select ${campaignColumns(sql)} from b`;
  return rows[0] ?? null;
}

/**
 * Whether the carrier takes the campaign: one that is only tested takes its test phones alone. The
 * carrier is locked, so that nobody removes it at the same moment.
 */
const maySend = (sql: Sql) => sql`(carrier_id is null or exists (
  select from carrier r where r.id = carrier_id and (r.state = 'live' or r.state = 'test_only' and not exists (
    select from bulksms_info m where m.bulksms_id = bulksms.id and m.msisdn <> all (r.test_phones))) for share of r))`;

/** Nobody is texted through another carrier than was shown, nor for real instead of simulated. */
function hasExpectedCarrier(sql: Sql, { carrier }: Expected) {
  if (carrier === null) return sql`true`;
  const isBuiltIn = carrier.name === builtInCarrier;
  return sql`coalesce((select r.name = ${carrier.name} and (r.is_simulated is true or not ${carrier.simulated}::boolean)
    from carrier r where r.id = carrier_id), ${isBuiltIn}::boolean)`;
}

/** Why it does not run: its state, a newer price list, its carrier, or more than was expected. */
async function refuseRun(sql: Sql, commanded: CommandedBulksms, pricing: Pricing, expected: Expected): Promise<never> {
  const [found] = await sql<
    {
      contacts: number;
      parts: bigint;
      costMilli: bigint;
      priceMilli: bigint;
      priceVersion: number | null;
      isChanging: boolean;
      maySend: boolean;
      hasExpectedCarrier: boolean;
      carrier: CarrierAnswer;
    }[]
  >`
    select contacts, parts, cost_milli as "costMilli", price as "priceMilli", price_version as "priceVersion", next_carrier_id is not null as "isChanging", 
      (select ${maySend(sql)} from bulksms where bulksms.id = b.id) as "maySend", ${hasExpectedCarrier(sql, expected)} as "hasExpectedCarrier",
      ${carrierColumn(sql)} as carrier
    from bulksms b where b.id = ${commanded.bulksmsId} and b.workspace_id = ${commanded.workspaceId} and b.status = 'ready'`;
  if (found === undefined) return refuse(sql, commanded);
  if (found.priceVersion !== pricing.version) return refusePrice(sql, commanded, found, pricing);
  if (found.isChanging)
    throw new AppError("carrier_changing", "Its carrier is being changed. If that has stopped, give it a carrier again.");
  if (!found.maySend)
    throw new AppError(
      "carrier_not_live",
      `The carrier ${found.carrier.name} is paused, or is only tested: then it texts its test phones alone.`,
    );
  if (!found.hasExpectedCarrier) {
    const { name, simulated } = found.carrier;
    throw new AppError(
      "carrier_changed",
      `It would be sent through ${name}, which ${simulated ? "is simulated" : "reaches real phones"}: not what was expected. Nothing was sent.`,
    );
  }
  const cost = formatCredits(found.costMilli);
  throw new AppError(
    "quote_changed",
    `It would text ${found.contacts} people in ${found.parts} parts for ${cost} credits: more than was expected. Nothing was sent.`,
    {
      details: { contacts: found.contacts, parts: Number(found.parts), price: formatCredits(found.priceMilli), cost },
    },
  );
}

async function refusePrice(
  sql: Sql,
  { bulksmsId }: CommandedBulksms,
  { parts, costMilli }: { parts: bigint; costMilli: bigint },
  pricing: Pricing,
): Promise<never> {
  const costBefore = formatCredits(costMilli);
  const cost = formatCredits(BigInt(await costByList(sql, { bulksmsId, parts: Number(parts) }, pricing)));
  throw new AppError(
    "price_changed",
    `The price list has changed: the campaign cost ${costBefore} credits, it would now cost ${cost}. Nothing was sent. To accept, run it with price_version ${pricing.version}.`,
    { details: { price_version: pricing.version, price: formatCredits(BigInt(pricing.partMilli)), cost_before: costBefore, cost } },
  );
}

/**
 * Pauses the campaign. Once this has committed no new submit body starts; at most `inFlight`
 * messages may be on their way in bodies that started before.
 */
export async function pause(sql: Sql, commanded: CommandedBulksms): Promise<{ campaign: Campaign; inFlight: number }> {
  const campaign = await change(sql, commanded, { to: "paused" });
  reachFailpoint("pause_committed");
  return { campaign, inFlight: await countInFlight(sql, commanded.bulksmsId) };
}

export async function resume(sql: Sql, commanded: CommandedBulksms): Promise<Campaign> {
  return change(sql, commanded, { from: ["paused"], to: "running", lastError: null });
}

/**
 * Cancels the campaign. Messages that were never submitted end as `canceled`, one chunk at a time,
 * by sales_worker; those with the carrier run to their end and are charged.
 */
export async function cancel(
  sql: Sql,
  commanded: CommandedBulksms,
  { importLeaseMs }: { importLeaseMs: number },
): Promise<{ campaign: Campaign; inFlight: number }> {
  const importing = await cancelImport(sql, commanded, importLeaseMs);
  if (importing !== null) return { campaign: importing, inFlight: 0 };
  const campaign = await change(sql, commanded, { to: "canceling" });
  return { campaign, inFlight: await countInFlight(sql, commanded.bulksmsId) };
}

/** A caller waits this long to see the purge end; it goes on without him. */
const purgeWaitMs = 1_000;

/**
 * An import is taken away from whoever works on it, and its rows are purged: the campaign is then
 * `import_failed`, with the code `import_canceled`. Null when it is not importing. If we die
 * meanwhile, the sweeper goes on.
 */
async function cancelImport(sql: Sql, commanded: CommandedBulksms, leaseMs: number): Promise<Campaign | null> {
  const lastError = "import_canceled";
  const lease = await takeImport(sql, commanded, { leaseMs, lastError });
  if (lease === null) return null;
  await succeedsWithin(purgeWaitMs, abandonImport(sql, lease, { leaseMs, lastError }));
  return readCampaign(sql, commanded.bulksmsId);
}

async function change(sql: Sql, commanded: CommandedBulksms, to: Pick<StatusChange, "from" | "to" | "lastError">): Promise<Campaign> {
  const changed = await changeStatus(sql, commanded.bulksmsId, { ...to, workspaceId: commanded.workspaceId });
  return changed ?? refuse(sql, commanded);
}

/** Throws the reason why no row was changed. */
async function refuse(sql: Sql, { workspaceId, bulksmsId }: CommandedBulksms): Promise<never> {
  const rows = await sql<{ status: BulksmsStatus }[]>`
    select status from bulksms where id = ${bulksmsId} and workspace_id = ${workspaceId}`;
  const current = rows[0]?.status;
  if (current === undefined) throw new AppError("bulksms_not_found", "There is no such campaign in your workspace.");
  throw new AppError("state_conflict", `The campaign is ${current}.`, { details: { current } });
}

/**
 * Messages of chunks with a live lease: at most one body per chunk may be on its way. Counted even
 * if its intent is not visible yet: it may have read `running` before our commit and commit after
 * this count.
 */
async function countInFlight(sql: Sql, bulksmsId: string): Promise<number> {
  const rows = await sql<{ messages: number }[]>`
    select coalesce(sum(last_row - first_row + 1), 0)::int as messages from bulksms_chunk
    where bulksms_id = ${bulksmsId} and state = 'leased' and lease_until > clock_timestamp()`;
  return rows[0]?.messages ?? 0;
}
