// The laws of the model: what must be true of every state at every moment, and what the end is.
// Named as in `bulksms check`.
import {
  impliedReceipts,
  isCampaignIn,
  isMessageIn,
  messageSets,
  type ReceiptStatus,
  receiptStatuses,
} from "../../../src/contracts/states.ts";
import type { Message, Size, State } from "./state.ts";
import { runsMax } from "./state.ts";
import { costOf, isFinal, Records, receiptBits, receiptNames, wordOf } from "./world.ts";

const sentAtCarrier: ReadonlySet<Message["atCarrier"]> = new Set([...messageSets.charging, "silent"]);

/** What is wrong with this state; null: nothing. */
export function brokenLaw(size: Size, state: State, creditAtStart: number, topUpsAtStart: number): string | null {
  const credit = creditAtStart + topUpsAtStart - state.chances.topUps;
  return brokenBalance(state, credit) ?? brokenMessages(size, state) ?? brokenCampaigns(size, new Records(state, size));
}

/** L8 is about what happened along the way. */
export function brokenStep(size: Size, before: State, after: State): string | null {
  for (let index = 0; index < before.messages.length; index++) {
    const { status: was } = before.messages[index] as Message;
    const { status: is } = after.messages[index] as Message;
    if (was !== is && isFinal(was)) return `L8: ${nameOf(size, index)} left its end ${was} for ${is}`;
  }
  return null;
}

function brokenBalance({ available, holds }: State, credit: number): string | null {
  const held = holds.reduce((sum, hold) => sum + (hold.state === "open" ? hold.amount - hold.settled : 0), 0);
  const spent = holds.reduce((sum, hold) => sum + hold.settled, 0);
  if (available + held + spent !== credit) return `L1: available ${available} + held ${held} + spent ${spent} is not ${credit}`;
  if (available < 0 || holds.some(({ settled, amount }) => settled > amount)) return "L2: a balance is below zero";
  return null;
}

function brokenMessages(size: Size, { messages }: State): string | null {
  for (let index = 0; index < messages.length; index++) {
    const broken = brokenMessage(messages[index] as Message);
    if (broken !== null) return broken.replace("message", nameOf(size, index));
  }
  return null;
}

const nameOf = ({ messagesPerCampaign }: Size, index: number) =>
  `message ${Math.floor(index / messagesPerCampaign) + 1}.${(index % messagesPerCampaign) + 1}`;

function brokenMessage(message: Message): string | null {
  const { status, isMarkedSent, atCarrier, charges, settled, confirmed, accepts } = message;
  const wasSent = sentAtCarrier.has(atCarrier);
  if (isMarkedSent && !wasSent) return "L3: message is charged and was not sent";
  if (charges > (isMarkedSent ? 1 : 0)) return "L3: message is charged twice";
  if (settled > charges) return "L3: message is in the ledger more often than in the outbox";
  if (confirmed > settled) return "L3: the charge of message is confirmed and not in the ledger";
  if (accepts > 1) return "L4: message is accepted twice";
  if (atCarrier === "nowhere") return tellsOfCarrier.has(status) ? "L7: the carrier does not know message" : null;
  if (isMessageIn("withdrawn", status)) return `L7: message is ${status} and the carrier has it`;
  return brokenReceipts(message, wasSent);
}

const tellsOfCarrier: ReadonlySet<Message["status"]> = new Set(receiptStatuses);

/** What was answered 2xx took effect or is quarantined; what is quarantined had no place. */
function brokenReceipts(message: Message, wasSent: boolean): string | null {
  const { status, isMarkedSent, answered, kept } = message;
  if ((kept & ~receiptBits.wrong) !== 0) return `L11: a true receipt of message was refused as an anomaly (it is ${status})`;
  for (const name of receiptNames) {
    const bit = receiptBits[name];
    if ((answered & bit) === 0 || (kept & bit) !== 0) continue;
    const word = wordOf(name, message);
    if (wasSent && !isMarkedSent && impliesSent(word)) return "L3: message was sent and is not to be charged";
    if (!hasEffect(message, word)) return `L9: receipt ${word} was answered 2xx and message is ${status}`;
  }
  return null;
}

const impliesSent = (word: ReceiptStatus) => impliedReceipts(word).includes("sent");

function hasEffect({ status, isMarkedSent }: Message, word: ReceiptStatus): boolean {
  if (isMessageIn("abandoned", status)) return word === "queued" || (word === "sent" && isMarkedSent);
  return impliedReceipts(status).includes(word);
}

function brokenCampaigns(size: Size, now: Records): string | null {
  for (let c = 0; c < size.campaigns; c++) {
    const { status, run, hasRun, list, cost } = now.campaign(c);
    const name = `campaign ${c + 1}`;
    if (cost !== costOf(now, c)) return `L5: ${name} says that it costs ${cost}, its messages cost ${costOf(now, c)}`;
    if ((hasRun || status === "reserving") && now.hold(c, run).amount !== costOf(now, c))
      return `L10: run ${run} of ${name} asked for ${now.hold(c, run).amount}, its messages cost ${costOf(now, c)}`;
    if (hasRun && list === 0) return `L10: ${name} ran while it was being re-priced`;
    const hasEnded = isCampaignIn("ended", status);
    for (let other = 1; other <= runsMax; other++) {
      if (now.hold(c, other).state !== "open") continue;
      if (hasEnded) return `L6: ${name} has ended and its hold ${other} is open`;
      if (other !== run || status === "ready") return `L10: hold ${other} of ${name} is open, and no run of it uses it`;
    }
    if (isCampaignIn("open", status) && isCampaignIn("held", status) && now.hold(c, run).state !== "open")
      return `L10: ${name} runs without an open hold`;
    if (!hasEnded) continue;
    if (now.messages(c).some((message) => !isFinal(message.status))) return `L6: ${name} has ended with an open message`;
    if (now.messages(c).some(({ charges, confirmed }) => confirmed < charges)) return `L6: ${name} has ended with an unconfirmed charge`;
    if (now.messages(c).some(({ charges, isMarkedSent }) => isMarkedSent && charges === 0))
      return `L3: ${name} has ended, and a sent message has no charge`;
  }
  return null;
}

/**
 * Nobody has anything in progress, nothing is in flight, and every campaign rests: ready, or ended.
 */
export function isOver({ campaigns, messages, workers, memory }: State): boolean {
  return (
    workers.every(({ doing }) => doing === "nothing") &&
    memory.heldMessage === 0 &&
    memory.heldCharge === 0 &&
    campaigns.every(({ status, strayBody, strayReserves }) => isCampaignIn("resting", status) && strayBody === 0 && strayReserves === 0) &&
    messages.every(({ owed, charges, confirmed, hasStrayJob }) => owed === 0 && charges === confirmed && !hasStrayJob)
  );
}
