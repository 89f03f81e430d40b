// What a chunk's messages are: numbers, parts and words of its rows that are still pending, and
// what all chunks of their campaign share. Read before a chunk is submitted, to whichever carrier.
import type { SubmitRequest } from "../../contracts/receipts.ts";
import type { Sql } from "../../platform/postgres.ts";
import { compileTemplate, type Template } from "../../sms/template.ts";
import type { LeasedChunk } from "./chunk_leases.ts";

/** What all chunks of a campaign share; frozen while the campaign runs. */
export interface CampaignText {
  bulksmsId: string;
  sender: string;
  template: Template;
}

interface PendingRows {
  rowNos: string | null;
  msisdns: string;
  parts: string;
  fields: string[][] | null;
}

/**
 * Selected as one row of arrays, which are split here: the client would create four values and an
 * object for each row.
 */
export async function readPendingMessages(sql: Sql, chunk: LeasedChunk, { template }: CampaignText): Promise<SubmitRequest["messages"]> {
  const isShared = template.placeholders.length === 0;
  const [pending] = await sql<PendingRows[]>`
    select array_agg(row_no)::text as "rowNos", array_agg(msisdn)::text as msisdns, array_agg(parts)::text as parts,
      ${isShared ? sql`null` : sql`array_agg(fields)`} as fields
    from (select row_no, msisdn, parts, fields from bulksms_info
      where bulksms_id = ${chunk.bulksmsId} and row_no between ${chunk.firstRow} and ${chunk.lastRow} and status = 'pending'
      order by row_no) m`;
  const { rowNos, msisdns, parts, fields } = pending as PendingRows;
  if (rowNos === null) return [];
  const msisdnOf = elementsOf(msisdns);
  const partsOf = elementsOf(parts);
  return elementsOf(rowNos).map((rowNo, index) => ({
    row_no: Number(rowNo),
    to: `+${msisdnOf[index]}`,
    parts: Number(partsOf[index]),
    ...(isShared ? {} : { text: template.fill(fields?.[index] ?? []) }),
  }));
}

/** The elements of a Postgres array of numbers. */
const elementsOf = (literal: string): string[] => literal.slice(1, -1).split(",");

/** `text`: the words that all messages share. */
export const sharedText = ({ template }: CampaignText) => (template.placeholders.length === 0 ? { text: template.fill([]) } : {});

/**
 * What a running campaign sends; null if it is not running, or is sent through another carrier.
 * @param carrierId null: the simulator behind the own dialect
 */
export async function readCampaignText(sql: Sql, bulksmsId: string, carrierId: string | null = null): Promise<CampaignText | null> {
  const rows = await sql<{ sender: string; text: string }[]>`
    select sender, text from bulksms where id = ${bulksmsId} and status = 'running' and carrier_id is not distinct from ${carrierId}::uuid`;
  const row = rows[0];
  if (row === undefined) return null;
  const compiled = compileTemplate(row.text);
  if ("problem" in compiled) throw new Error(`campaign ${bulksmsId} has a text that its import refused: ${compiled.problem.reason}`);
  return { bulksmsId, sender: row.sender, template: compiled.template };
}
