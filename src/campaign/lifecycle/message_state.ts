// The life of one message as a pure function: what a receipt makes of a state, and how several
// receipts become one verdict. The statement in move_messages.ts does the same in SQL; a test
// compares both. (Table of states: contracts/states.ts.)
import { chargedStatuses, impliedReceipts, type MessageStatus, messageStatuses, type ReceiptStatus } from "../../contracts/states.ts";

const rankOf = new Map<MessageStatus, number>(messageStatuses.map((status, rank) => [status, rank]));
const firstFinalRank = rankOf.get("failed") as number;

const rank = (status: MessageStatus): number => rankOf.get(status) as number;

/** No step leaves a final state. */
export function isFinal(status: MessageStatus): boolean {
  return rank(status) >= firstFinalRank;
}

/**
 * The state after a receipt (or a verdict folded from several): upward only, never out of a final
 * one; `failed` ends what was sent as `undelivered`.
 */
export function receive(status: MessageStatus, receipt: ReceiptStatus): MessageStatus {
  if (isFinal(status) || rank(receipt) <= rank(status)) return status;
  return status === "sent" && receipt === "failed" ? "undelivered" : receipt;
}

/** Whether a message in this state has nothing to learn from that receipt. */
export function isImplied(status: MessageStatus, receipt: ReceiptStatus): boolean {
  return impliedReceipts[status].includes(receipt);
}

/**
 * Whether this state means that the message's parts were sent. (`expired` may: its `sent_at`
 * tells.)
 */
export function isCharged(status: MessageStatus): boolean {
  return (chargedStatuses as readonly MessageStatus[]).includes(status);
}

/**
 * The next verdict of a batch: receipts of one message fold in arrival order to one word, such that
 * receiving that word has the same end as receiving them one by one, whatever the message's state
 * was. `null`: none so far.
 */
export function foldVerdict(verdict: ReceiptStatus | null, receipt: ReceiptStatus): ReceiptStatus {
  return verdict === null ? receipt : (receive(verdict, receipt) as ReceiptStatus);
}
