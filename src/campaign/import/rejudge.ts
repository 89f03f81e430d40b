// A campaign that is given another carrier while it is `ready`: its messages are judged by that
// carrier's rules, in steps, and those that it does not take become rejects. Called by the command
// carrier. Meanwhile the campaign names the carrier to be, so nobody can run it; its counters and
// its cost follow with each step. Whoever dies in between leaves a campaign that the next change of
// its carrier goes on with. (What the carrier before has refused stays refused: a reject has no
// message any more.)
import { type Destinations, refusalOf } from "../../contacts/csv/row_verdicts.ts";
import { AppError } from "../../contracts/errors.ts";
import type { BulksmsStatus, RejectReason } from "../../contracts/states.ts";
import { inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";
import { type Campaign, campaignColumns } from "../lifecycle/campaign_rows.ts";
import { type CarrierDefaults, type ChosenCarrier, chooseCarrier, refuseExampleFile } from "./chosen_carrier.ts";

/** Rows per transaction: a few tens of milliseconds under the campaign's lock. */
const rowsPerStep = 5_000;

export interface CarrierChoice {
  carrierName: string;
  /** null: as it is. */
  sender: string | null;
}

interface Wanted {
  bulksmsId: string;
  carrier: ChosenCarrier;
  sender: string;
  /** The campaign's next_carrier_id while it is judged; null: there is nothing to judge. */
  marker: string | null;
}

/**
 * Gives a `ready` campaign another carrier.
 * @throws AppError bulksms_not_found, state_conflict (details.current), carrier_not_found,
 * sender_not_allowed, example_file_refused, csv_no_valid_rows (nobody could be texted): all without
 * effect
 */
export async function changeCarrier(
  sql: Sql,
  { workspaceId, bulksmsId }: { workspaceId: string; bulksmsId: string },
  choice: CarrierChoice,
  defaults: CarrierDefaults,
): Promise<Campaign> {
  const wanted = await requireChoice(sql, { workspaceId, bulksmsId }, choice, defaults);
  if (wanted.marker !== null) {
    await begin(sql, wanted);
    if (!(await hasAllowedRow(sql, wanted))) await refuseAll(sql, wanted);
    for (let kept: number | null = 0; kept !== null; ) kept = await rejudgeStep(sql, wanted, kept);
  }
  return end(sql, wanted);
}

/** Everything that can be refused before a message is judged. */
async function requireChoice(
  sql: Sql,
  { workspaceId, bulksmsId }: { workspaceId: string; bulksmsId: string },
  { carrierName, sender: asked }: CarrierChoice,
  defaults: CarrierDefaults,
): Promise<Wanted> {
  const [found] = await sql<
    { status: BulksmsStatus; sender: string; isExampleFile: boolean | null; isPriced: boolean; next: string | null }[]
  >`
    select next_carrier_id as next, status, sender, is_example_file as "isExampleFile", repricing_version is null as "isPriced"
    from bulksms where id = ${bulksmsId} and workspace_id = ${workspaceId}`;
  if (found === undefined) throw new AppError("bulksms_not_found", "There is no such campaign in your workspace.");
  if (found.status !== "ready") throw conflict(found.status);
  if (!found.isPriced)
    throw new AppError("state_conflict", "The campaign is being re-priced: run it, or cancel it.", { details: { current: found.status } });
  const sender = asked ?? found.sender;
  const carrier = await chooseCarrier(sql, { carrierName, sender, isSenderNamed: true }, defaults);
  refuseExampleFile(carrier, found.isExampleFile);
  // one that was stopped halfway has left gaps in the numbers of the rows, whoever goes on
  return { bulksmsId, carrier, sender, marker: carrier.destinations === null ? found.next : carrier.carrierId };
}

/** From here on the campaign cannot run. Of two changes at once, the later one goes on. */
async function begin(sql: Sql, { bulksmsId, marker }: Wanted): Promise<void> {
  const begun = await sql`
    update bulksms set next_carrier_id = ${marker} where id = ${bulksmsId} and status = 'ready' and repricing_version is null`;
  if (begun.count === 0) throw conflict(await statusOf(sql, bulksmsId));
}

async function hasAllowedRow(sql: Sql, { bulksmsId, carrier: { destinations } }: Wanted): Promise<boolean> {
  for (let last = 0; ; ) {
    const rows = await sql<{ rowNo: number; msisdn: bigint }[]>`
      select row_no as "rowNo", msisdn from bulksms_info where bulksms_id = ${bulksmsId} and row_no > ${last} order by row_no limit ${rowsPerStep}`;
    if (rows.some(({ msisdn }) => refusalIn(destinations, msisdn) === null)) return true;
    if (rows.length < rowsPerStep) return false;
    last = (rows.at(-1) as { rowNo: number }).rowNo;
  }
}

async function refuseAll(sql: Sql, { bulksmsId, carrier, marker }: Wanted): Promise<never> {
  await sql`update bulksms set next_carrier_id = null where id = ${bulksmsId} and status = 'ready' and next_carrier_id = ${marker}`;
  throw new AppError("csv_no_valid_rows", `None of the campaign's messages may be sent through ${carrier.name}. It keeps its carrier.`);
}

const refusalIn = (destinations: Destinations | null, msisdn: bigint): RejectReason | null =>
  destinations === null ? null : refusalOf(Number(msisdn), destinations);

interface JudgedRow {
  rowNo: number;
  msisdn: bigint;
  parts: number;
  costMilli: number;
}

/**
 * Judges the rows after the first `kept`, which have passed and are numbered from 1 without gaps.
 * @returns how many have passed now; null: that was the last step
 * @throws AppError state_conflict when the campaign runs no longer under this change
 */
function rejudgeStep(sql: Sql, { bulksmsId, carrier, marker }: Wanted, kept: number): Promise<number | null> {
  return inTransaction(sql, async (transaction) => {
    const [campaign] = await transaction<{ rejectCounts: Partial<Record<RejectReason, number>> }[]>`
      select reject_counts as "rejectCounts" from bulksms
      where id = ${bulksmsId} and status = 'ready' and next_carrier_id = ${marker} for no key update`;
    if (campaign === undefined) throw conflict(await statusOf(sql, bulksmsId));
    const rows = await transaction<JudgedRow[]>`
      select row_no as "rowNo", msisdn, parts, cost_milli as "costMilli" from bulksms_info
      where bulksms_id = ${bulksmsId} and row_no > ${kept} order by row_no limit ${rowsPerStep}`;
    const refused: (JudgedRow & { reason: RejectReason })[] = [];
    const passed: number[] = [];
    for (const row of rows) {
      const reason = refusalIn(carrier.destinations, row.msisdn);
      if (reason === null) passed.push(row.rowNo);
      else refused.push({ ...row, reason });
    }
    if (refused.length > 0) await moveToRejects(transaction, bulksmsId, refused, campaign.rejectCounts);
    await renumber(transaction, bulksmsId, passed, kept);
    return rows.length < rowsPerStep ? null : kept + passed.length;
  });
}

/** Their line of the file, their number and the reason; the other cells are in the file alone. */
async function moveToRejects(
  transaction: TransactionSql,
  bulksmsId: string,
  refused: readonly (JudgedRow & { reason: RejectReason })[],
  before: Partial<Record<RejectReason, number>>,
): Promise<void> {
  const counts = { ...before };
  for (const { reason } of refused) counts[reason] = (counts[reason] ?? 0) + 1;
  const sum = (of: "parts" | "costMilli") => refused.reduce((total, row) => total + row[of], 0);
  await transaction`
    with taken as (
      delete from bulksms_info m using unnest(${refused.map(({ rowNo }) => rowNo)}::int[], ${refused.map(({ reason }) => reason)}::text[]) r (row_no, reason)
      where m.bulksms_id = ${bulksmsId} and m.row_no = r.row_no
      returning m.line, m.msisdn, r.reason
    )
    insert into bulksms_reject (bulksms_id, line, reason, value) select ${bulksmsId}, line, reason, '+' || msisdn from taken`;
  await transaction`
    update bulksms set contacts = contacts - ${refused.length}, pending = pending - ${refused.length}, parts = parts - ${sum("parts")},
      cost_milli = cost_milli - ${sum("costMilli")}, rejected = rejected + ${refused.length}, reject_counts = ${transaction.json(counts)},
      version = version + 1
    where id = ${bulksmsId}`;
}

/** Below zero first: no two rows have one number at any moment. */
async function renumber(transaction: TransactionSql, bulksmsId: string, rowNos: readonly number[], kept: number): Promise<void> {
  const moved = rowNos.map((rowNo, index) => ({ from: rowNo, to: kept + index + 1 })).filter(({ from, to }) => from !== to);
  if (moved.length === 0) return;
  await transaction`
    update bulksms_info m set row_no = - n.row_to from unnest(${moved.map(({ from }) => from)}::int[], ${moved.map(({ to }) => to)}::int[]) n (row_from, row_to)
    where m.bulksms_id = ${bulksmsId} and m.row_no = n.row_from`;
  await transaction`update bulksms_info set row_no = - row_no where bulksms_id = ${bulksmsId} and row_no < 0`;
}

/** Its messages in chunks anew, and the campaign is the new carrier's. */
function end(sql: Sql, { bulksmsId, carrier, sender, marker }: Wanted): Promise<Campaign> {
  return inTransaction(sql, async (transaction) => {
    const [campaign] = await transaction<Campaign[]>`
      update bulksms b set carrier_id = ${carrier.carrierId}, next_carrier_id = null, sender = ${sender}, version = version + 1
      where id = ${bulksmsId} and status = 'ready' and repricing_version is null and next_carrier_id is not distinct from ${marker}::uuid
      returning ${campaignColumns(transaction)}`;
    if (campaign === undefined) throw conflict(await statusOf(sql, bulksmsId));
    await cutChunks(transaction, bulksmsId, campaign.contacts);
    return campaign;
  });
}

/** As large as the import has made them. */
async function cutChunks(transaction: TransactionSql, bulksmsId: string, contacts: number): Promise<void> {
  const [chunk] = await transaction<{ rows: number }[]>`
    select max(last_row - first_row + 1)::int as rows from bulksms_chunk where bulksms_id = ${bulksmsId} and state = 'open'`;
  const rows = chunk?.rows ?? contacts;
  await transaction`delete from bulksms_chunk where bulksms_id = ${bulksmsId}`;
  await transaction`
    insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to)
    select ${bulksmsId}, n, (n - 1) * ${rows}::int + 1, least(n * ${rows}::int, ${contacts}::int), (n - 1) * ${rows}::int
    from generate_series(1, ${Math.ceil(contacts / rows)}::int) n`;
}

async function statusOf(sql: Sql, bulksmsId: string): Promise<BulksmsStatus> {
  const [row] = await sql<{ status: BulksmsStatus }[]>`select status from bulksms where id = ${bulksmsId}`;
  return row?.status ?? "ready";
}

const conflict = (current: BulksmsStatus): AppError =>
  new AppError(
    "state_conflict",
    current === "ready" ? "Its carrier is being changed, or its price, by somebody else." : `The campaign is ${current}.`,
    { details: { current } },
  );
