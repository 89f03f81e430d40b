// Doubt: messages of which nobody knows whether the carrier has them. Each event that leaves some
// behind is a row that lists them and names how many it may concern; the messages are `unknown`
// until an answer, a receipt or their deadline decides. (Decision 043.)
import type { TransactionSql } from "../../platform/postgres.ts";
import type { Campaign } from "../lifecycle/campaign_rows.ts";
import { endMessages, type MessageRange } from "../lifecycle/end_messages.ts";
import { integers } from "../lifecycle/move_messages.ts";

/**
 * `crash`: the holder of a link died or froze. `cut`, `timed_out`: the link ended with messages in
 * flight. `cancel`: a cancel found them intended, and nobody holds their link.
 */
export type DoubtKind = "crash" | "cut" | "timed_out" | "cancel";

export interface DoubtCause {
  carrierId: string;
  /** null: no single link's. */
  slot: number | null;
  kind: DoubtKind;
  /** The most messages that it can concern. */
  bound: number;
}

/** A link has at most a window in flight, and a window more intended. */
export const crashBound = (window: number): number => 2 * window;

export interface DoubtRange extends MessageRange {
  /**
   * When each row was intended, as far as it is known; otherwise the last intent of its chunk,
   * which was no sooner.
   */
  intendedAt?: ReadonlyMap<number, Date | null>;
}

interface Listed {
  bulksmsId: string;
  rowNos: readonly number[];
  intendedAts: readonly (Date | null)[];
}

/**
 * Turns the pending messages of these ranges into `unknown` and lists them under one new event; no
 * event if none was pending. Their campaigns, in id order, and chunks must be locked.
 * @returns the campaigns that changed
 */
export async function putInDoubt(transaction: TransactionSql, cause: DoubtCause, ranges: readonly DoubtRange[]): Promise<Campaign[]> {
  const changed: Campaign[] = [];
  const listed: Listed[] = [];
  for (const range of ranges) {
    const { moved, rowNos, campaign } = await endMessages(transaction, range, ["pending"], "unknown");
    if (moved === 0) continue;
    changed.push(campaign);
    listed.push({ bulksmsId: range.bulksmsId, rowNos, intendedAts: rowNos.map((rowNo) => range.intendedAt?.get(rowNo) ?? null) });
  }
  if (listed.length > 0) await listUnderEvent(transaction, cause, listed);
  return changed;
}

async function listUnderEvent(
  transaction: TransactionSql,
  { carrierId, slot, kind, bound }: DoubtCause,
  listed: readonly Listed[],
): Promise<void> {
  const [event] = await transaction<{ id: string }[]>`
    insert into doubt_event (carrier_id, slot, kind, bound) values (${carrierId}, ${slot}, ${kind}, ${bound}) returning id`;
  for (const { bulksmsId, rowNos, intendedAts } of listed) {
    await transaction`
      insert into doubt_message (bulksms_id, row_no, event_id, intended_at, next_look_up_at)
      select c.bulksms_id, row_no, ${event?.id as string}, coalesce(intended_at, c.submitted_at, now()), now()
      from unnest(${integers(rowNos)}::int[], ${intendedAts.map((at) => at?.toISOString() ?? null)}::timestamptz[]) as l (row_no, intended_at)
        join bulksms_chunk c on c.bulksms_id = ${bulksmsId} and row_no between c.first_row and c.last_row`;
  }
}
