// The life of one message as a pure function: how a receipt changes a state, and how several
// receipts fold into one verdict. The statement in move_messages.ts does the same in SQL; a test
// compares the two. (Table of states: contracts/states.ts.)
import {
  firstFinalStatus,
  impliedReceipts,
  isMessageIn,
  type MessageStatus,
  messageStatuses,
  type ReceiptStatus,
} from "../../contracts/states.ts";

const rankOf = new Map<MessageStatus, number>(messageStatuses.map((status, rank) => [status, rank]));
const firstFinalRank = rankOf.get(firstFinalStatus) as number;

const rank = (status: MessageStatus): number => rankOf.get(status) as number;

/** No step leads out of a final state. */
export function isFinal(status: MessageStatus): boolean {
  return rank(status) >= firstFinalRank;
}

/**
 * The state after a receipt (or a verdict folded from several): only upward, never out of a final
 * state; `failed` ends a sent message as `undelivered`.
 */
export function receive(status: MessageStatus, receipt: ReceiptStatus): MessageStatus {
  if (isFinal(status) || rank(receipt) <= rank(status)) return status;
  return status === "sent" && receipt === "failed" ? "undelivered" : receipt;
}

/** Whether this state already implies that receipt. */
export function isImplied(status: MessageStatus, receipt: ReceiptStatus): boolean {
  return impliedReceipts(status).includes(receipt);
}

/**
 * Whether this state means that the message's parts were sent. (`expired` may: see its `sent_at`.)
 */
export function isCharged(status: MessageStatus): boolean {
  return isMessageIn("charging", status);
}

/**
 * The next verdict of a batch. Receipts of one message fold in arrival order into one, such that
 * applying it has the same result as applying them one by one, whatever state the message was in.
 * `null`: none so far.
 */
export function foldVerdict(verdict: ReceiptStatus | null, receipt: ReceiptStatus): ReceiptStatus {
  return verdict === null ? receipt : (receive(verdict, receipt) as ReceiptStatus);
}
