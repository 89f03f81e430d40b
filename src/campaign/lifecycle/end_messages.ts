// Ends messages on our own decision, a range of rows at a time: canceled, unknown (submitted,
// unanswered, never to be retried), expired. Called by cancel and expiry with the campaign locked,
// which every other writer of messages locks first. None of these moves charges anything.
import { type ImposedStatus, isMessageIn, type MessageStatus, messageLeadsTo, unconfirmedCode } from "../../contracts/states.ts";
import type { TransactionSql } from "../../platform/postgres.ts";
import { isOpenSql, perStatus, statusIn } from "../../platform/state_sql.ts";
import { type Campaign, campaignColumns } from "./campaign_rows.ts";
import { integers } from "./move_messages.ts";

/**
 * Rows per transaction of long work, at most: a few tens of milliseconds under the campaign's lock.
 */
export const rowsPerTransactionMax = 5_000;

/** `unknown` is no end yet: its receipts, or its deadline, decide. */
export type EndTarget = "unknown" | ImposedStatus;

export interface EndedMessages {
  moved: number;
  /** Those that moved. */
  rowNos: number[];
  campaign: Campaign;
}

/** Rows of one campaign; `only`: of these alone. */
export interface MessageRange {
  bulksmsId: string;
  firstRow: number;
  lastRow: number;
  only?: readonly number[];
}

/**
 * Moves the messages in a range of rows that are in one of the states `from` to the state `to`, and
 * updates the counters. Each of `from` must lead to `to` (contracts/states.ts). `errorCode`: why.
 */
export async function endMessages(
  transaction: TransactionSql,
  range: MessageRange,
  from: readonly MessageStatus[],
  to: EndTarget,
  errorCode: string | null = null,
): Promise<EndedMessages> {
  if (!from.every((status) => messageLeadsTo(status).includes(to))) throw new Error(`no message goes from ${from} to ${to}`);
  const rows = await transaction<(Campaign & { moved: number; rowNos: number[] })[]>`
    with moved as (
      update bulksms_info m set status = ${to}, error_code = coalesce(${errorCode}, m.error_code), done_at = ${isMessageIn("final", to) ? transaction`now()` : transaction`null`}
      where m.bulksms_id = ${range.bulksmsId} and m.row_no between ${range.firstRow} and ${range.lastRow}
        ${range.only === undefined ? transaction`` : transaction`and m.row_no = any (${integers(range.only)}::int[])`}
        and ${statusIn(transaction, "m.status", from)} and m.status < ${to} and ${isOpenSql(transaction, "m.status")}
      returning old.status as before, m.row_no, m.status = 'expired' and m.error_code = ${unconfirmedCode} as is_unconfirmed
    ), counted as (
      select count(*) as moved, array_agg(row_no) as row_nos, count(*) filter (where is_unconfirmed) as unconfirmed,
        ${perStatus(transaction, from, (status) => `count(*) filter (where before = '${status}') as ${status}`)}
      from moved
    ), b as (
      update bulksms b set ${perStatus(transaction, from, (status) => `${status} = b.${status} - c.${status}`)},
        ${perStatus(transaction, [to], (status) => `${status} = b.${status} + c.moved`)}, unconfirmed = b.unconfirmed + c.unconfirmed,
        version = b.version + least(c.moved, 1)
      from counted c
      where b.id = ${range.bulksmsId}
      returning b.*
    )
    select c.moved::int as moved, coalesce(c.row_nos, '{}') as "rowNos", ${campaignColumns(transaction)} from b, counted c`;
  const { moved, rowNos, ...campaign } = rows[0] as Campaign & { moved: number; rowNos: number[] };
  return { moved, rowNos, campaign };
}
