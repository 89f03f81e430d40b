// The statement that moves a message, and the carrier's verdict on a body. Used by dispatch and
// receipts. (src/campaign/lifecycle/move_messages.ts, src/simulator/submit_verdicts.ts)
import { isMessageIn, type ReceiptStatus } from "../../../src/contracts/states.ts";
import type { Message } from "./state.ts";
import { isAbove, isFinal, type Records, receiptBits, rowBits, type Says, type World } from "./world.ts";

/** Moves a message up and charges it when it became sent. @returns whether it moved. */
export function moveMessage(world: World, next: Records, campaign: number, row: number, target: ReceiptStatus): boolean {
  const message = next.message(campaign, row);
  if (isFinal(message.status) && world.has("final_state")) return false;
  if (world.has("upward") ? !isAbove(target, message.status) : isFinal(message.status) && !isAbove(target, message.status)) return false;
  message.status = message.status === "sent" && target === "failed" ? "undelivered" : target;
  const isSent = target === "sent" || (isMessageIn("charging", target) && world.has("implied_sent"));
  if (isSent && (!message.isMarkedSent || !world.has("sent_mark"))) {
    message.isMarkedSent = true;
    if (world.has("outbox_with_the_move")) message.charges++;
    else next.state.memory.heldCharge = campaign * world.size.messagesPerCampaign + row + 1;
  }
  return true;
}

/**
 * The carrier accepts a body: one next state for each possible verdict on the rows that it does not
 * know; known rows get their first verdict.
 */
export function takeBody(
  world: World,
  campaign: number,
  rows: number,
  description: Says,
  then: (next: Records, rejected: number) => void,
): void {
  let unknownRows = 0;
  for (const row of rowBits(rows)) if (world.now.message(campaign, row).atCarrier === "nowhere") unknownRows |= 1 << row;
  // any subset of them may be rejected
  for (let rejectedNow = unknownRows; ; rejectedNow = (rejectedNow - 1) & unknownRows) {
    world.step(
      () => (rejectedNow === 0 ? description() : `${description()}; rejects row ${rowBits(rejectedNow).map((row) => row + 1)}`),
      (next) => {
        let rejected = 0;
        for (const row of rowBits(rows)) {
          judgeRow(world, next.message(campaign, row), (rejectedNow & (1 << row)) !== 0);
          if (next.message(campaign, row).atCarrier === "rejected") rejected |= 1 << row;
        }
        then(next, rejected);
      },
    );
    if (rejectedNow === 0) return;
  }
}

function judgeRow(world: World, message: Message, isRejected: boolean): void {
  if (message.atCarrier !== "nowhere") {
    if (message.atCarrier !== "rejected" && !world.has("first_verdict_repeated")) message.accepts++;
  } else if (isRejected) message.atCarrier = "rejected";
  else {
    message.atCarrier = world.has("journaled_verdict") ? "accepted" : "taken";
    message.accepts++;
    message.owed |= receiptBits.queued;
  }
}
