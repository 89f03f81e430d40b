// Receipts that a carrier brings over HTTP, each with our own reference in its address, so that it
// names its message even if the answer to its submit was lost. Called by salesapi before it
// answers; and for messages that were asked for (poll, look-up) by the links.
import type { CarrierReceipt } from "../../carriers/link.ts";
import { isLowerCaseUuid, uuidLength } from "../../contracts/ids.ts";
import { rowNoMax } from "../../contracts/receipts.ts";
import { inTransaction, type Sql } from "../../platform/postgres.ts";
import type { CommittedReceipts } from "../receipts/receipts.ts";
import { type ReadReceipts, writeReceipts } from "./link_commit.ts";
import { findIds, keepIds, type WaitingReceipt } from "./their_ids.ts";

export interface MessageReference {
  bulksmsId: string;
  rowNo: number;
  attempt: number;
}

/** `<bulksms_id>.<row_no>.<attempt>`, as links submit it; null for any other text. */
export function parseReference(text: string): MessageReference | null {
  const bulksmsId = text.slice(0, uuidLength);
  const match = /^\.([1-9]\d{0,9})\.([1-9]\d{0,3})$/.exec(text.slice(uuidLength));
  if (match === null || !isLowerCaseUuid(bulksmsId)) return null;
  const rowNo = Number(match[1]);
  return rowNo > rowNoMax ? null : { bulksmsId, rowNo, attempt: Number(match[2]) };
}

/**
 * Commits the receipts of a carrier, by their reference or their id; an id that is learned from a
 * reference is kept. What names no message waits, and an intermediate state is no news.
 * @throws AppError service_unavailable: none is committed, the carrier should repeat them
 */
export async function commitCarrierReceipts(sql: Sql, carrierId: string, receipts: readonly CarrierReceipt[]): Promise<CommittedReceipts> {
  return inTransaction(sql, async (transaction) => {
    const byId = await findIds(transaction, carrierId, [...new Set(receipts.map(({ theirId }) => theirId).filter((id) => id !== ""))]);
    const read: ReadReceipts = { known: [], unknown: [] };
    const learned = [];
    for (const { theirId, reference, status, ...rest } of receipts) {
      const message = reference === null ? null : parseReference(reference);
      const known = byId.get(theirId);
      const id = known ?? (message === null ? null : { theirId, ...message, partNo: 1, parts: 1 });
      if (id !== null && known === undefined) learned.push(id);
      if (status === null) continue;
      const receipt: WaitingReceipt = { theirId, status, ...rest };
      if (id === null) read.unknown.push(receipt);
      else read.known.push({ id, receipt });
    }
    const campaigns = [...new Set([...read.known.map(({ id }) => id.bulksmsId), ...learned.map(({ bulksmsId }) => bulksmsId)])];
    const rows = await transaction<{ id: string; contacts: number }[]>`
      select id, contacts from bulksms where id = any (${campaigns}::uuid[]) and carrier_id = ${carrierId} order by id for no key update`;
    const contactsOf = new Map(rows.map(({ id, contacts }) => [id, contacts]));
    await keepIds(
      transaction,
      carrierId,
      learned.filter(({ bulksmsId, rowNo }) => rowNo <= (contactsOf.get(bulksmsId) ?? 0)),
    );
    return writeReceipts(transaction, carrierId, read);
  });
}
