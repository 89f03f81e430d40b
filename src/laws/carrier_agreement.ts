// L4, L7, L8, L9: the simulator's journal and salesdb agree on each message.
import { noNumberMark } from "../contracts/simulator_journal.ts";
import { impliedReceipts, isMessageIn, messageStatuses, type ReceiptStatus } from "../contracts/states.ts";
import type { Finding, Law } from "./law.ts";
import { type MessageFacts, nameMessage } from "./messages.ts";

export const acceptedOnce: Law = {
  name: "L4",
  title: "each message accepted at most once, every repeat the same message",
  judgeMessage: judgeAcceptedOnce,
};

export const knownToBoth: Law = {
  name: "L7",
  title: "what the carrier accepted is known to salesdb with the same number and parts, and the reverse",
  judgeMessage: judgeKnownToBoth,
};

export const endsAgree: Law = {
  name: "L8",
  title: "no final state ever left: each end and its error code are those that the carrier reported",
  judgeMessage: judgeEnd,
};

export const receiptsTakeEffect: Law = {
  name: "L9",
  title: "each receipt answered 2xx has its effect, or stands in receipt_anomaly",
  judgeMessage: judgeReceipts,
};

function judgeAcceptedOnce(message: MessageFacts, finding: Finding): void {
  const { after } = message;
  if (after.verdicts === 0 && !after.lacksVerdict) return;
  finding.compared(1 + after.repeats);
  if (after.verdicts > 1) finding.broken(nameMessage(message), `the carrier gave a first verdict ${after.verdicts} times`);
  if (after.isAccepted && after.isRejected) finding.broken(nameMessage(message), "the carrier both accepted and rejected it");
  if (after.hasDifferentRepeat) finding.broken(nameMessage(message), "submitted again as another message under the same reference");
  if (after.lacksVerdict) finding.broken(nameMessage(message), "the journal mentions it without a verdict");
}

/**
 * Journal (before) <= salesdb <= journal (after). `unknown` and `expired` prove nothing: the
 * carrier may never have got the message.
 */
function judgeKnownToBoth(message: MessageFacts, finding: Finding): void {
  const { status, before, after } = message;
  const isKnownBefore = before.isAccepted || before.isRejected;
  if (!isKnownBefore && status === null) return;
  finding.compared(1);
  const broken = (description: string): void => finding.broken(nameMessage(message), description);
  if (status === null) {
    broken("known to the carrier, but salesdb has no such row");
    return;
  }
  if (isKnownBefore && status === "pending" && message.isIntended === false)
    broken("pending and beyond every intent, but the carrier has it");
  if (isMessageIn("withdrawn", status) && after.isAccepted) broken(`${status}, but the carrier accepted it`);
  if (isMessageIn("accepted", status) && !after.isAccepted) broken(`${status}, but the carrier never accepted it`);
  if (status === "failed" && !after.isRejected && after.end !== "failed") broken("failed, but the carrier neither rejected nor failed it");
  if ((after.isAccepted || after.isRejected) && after.parts !== message.parts)
    broken(`${message.parts} parts, submitted as ${after.parts}`);
  if (after.numberMark !== noNumberMark && after.numberMark !== message.numberMark) broken("its number is not the one that was submitted");
}

/**
 * The carrier journals an end before it reports it, and never changes it: an end of ours that the
 * journal does not have came from elsewhere, and so did an error code. Only an end comes with a
 * code.
 */
function judgeEnd(message: MessageFacts, finding: Finding): void {
  const { status, errorCode, after } = message;
  const isEnd = status !== null && isMessageIn("final", status) && !isMessageIn("imposed", status);
  if (!isEnd && errorCode === null) return;
  finding.compared(1);
  const end = after.isRejected ? "failed" : after.end;
  if (isEnd && end !== status)
    finding.broken(nameMessage(message), `ended ${status}; by the carrier's journal ${end ?? "it has not ended"}`);
  else if (!isEnd) finding.broken(nameMessage(message), `${status ?? "not there"}, but with the error code ${errorCode}`);
  else if (errorCode !== after.errorCode)
    finding.broken(nameMessage(message), `its error code is ${errorCode ?? "none"}; by the carrier's journal ${after.errorCode ?? "none"}`);
}

/**
 * A receipt shows in its row if the row's state implies it, or is above it and not final. `expired`
 * is our own last word over earlier receipts: it keeps the sent mark, and preserves `queued` no
 * better than any state above it does.
 */
function judgeReceipts(message: MessageFacts, finding: Finding): void {
  for (const receipt of message.before.answered) {
    finding.compared(1);
    if (!shows(message, receipt) && !message.anomalies.has(receipt))
      finding.broken(nameMessage(message), `its receipt ${receipt} was answered 2xx, but the row is ${message.status ?? "not there"}`);
  }
}

function shows({ status, isSentMarked }: MessageFacts, receipt: ReceiptStatus): boolean {
  if (status === null) return false;
  if (impliedReceipts(status).includes(receipt)) return true;
  if (isMessageIn("abandoned", status)) return receipt === "queued" || (receipt === "sent" && isSentMarked);
  return !isMessageIn("final", status) && messageStatuses.indexOf(status) > messageStatuses.indexOf(receipt);
}
