// Receipts in the model: the carrier's network, the callbacks in any order, lost, duplicated,
// contradicting; deadlines. (src/simulator, src/campaign/receipts/receipts.ts, expiry.ts)
import { impliedReceipts, isCampaignIn, isMessageIn } from "../../../src/contracts/states.ts";
import { moveMessage } from "./message_moves.ts";
import type { Message } from "./state.ts";
import { isFinal, type ReceiptName, type Records, receiptBits, receiptNames, type World, wordOf } from "./world.ts";

export function receiptSteps(world: World): void {
  const { now } = world;
  for (let c = 0; c < world.size.campaigns; c++) {
    for (let row = 0; row < world.size.messagesPerCampaign; row++) {
      carrierSteps(world, now.message(c, row), c, row);
      callbackSteps(world, now.message(c, row), c, row);
      if (mayExpire(world, now, c, row)) {
        world.step(
          () => `sweeper: message ${c + 1}.${row + 1} expires`,
          (next) => {
            next.message(c, row).status = "expired";
          },
        );
      }
    }
  }
  memorySteps(world, now);
}

function carrierSteps(world: World, { atCarrier, owed, answered }: Message, c: number, row: number): void {
  const name = `message ${c + 1}.${row + 1}`;
  switch (atCarrier) {
    case "taken":
      world.step(
        () => `carrier: ${name} is on disk`,
        (next) => becomes(next.message(c, row), "accepted", null),
      );
      world.chance(
        "crashes",
        () => `carrier: killed before ${name} is on disk`,
        (next) => {
          Object.assign(next.message(c, row), { atCarrier: "nowhere", accepts: 0, owed: 0 });
        },
      );
      break;
    case "accepted":
      world.step(
        () => `carrier: sends ${name}`,
        (next) => becomes(next.message(c, row), "sent", "sent"),
      );
      world.step(
        () => `carrier: cannot send ${name}, it failed`,
        (next) => becomes(next.message(c, row), "failed", "end"),
      );
      break;
    case "sent":
      world.step(
        () => `phone: has ${name}`,
        (next) => becomes(next.message(c, row), "delivered", "end"),
      );
      world.step(
        () => `phone: cannot take ${name}`,
        (next) => becomes(next.message(c, row), "undelivered", "end"),
      );
      world.step(
        () => `phone: never answers for ${name}`,
        (next) => becomes(next.message(c, row), "silent", null),
      );
      break;
    case "failed":
    case "undelivered":
    case "delivered":
      if ((answered & receiptBits.end) !== 0 && ((owed | answered) & receiptBits.wrong) === 0) {
        world.chance(
          "contradictions",
          () => `carrier: reports another end of ${name}`,
          (next) => becomes(next.message(c, row), atCarrier, "wrong"),
        );
      }
  }
}

function becomes(message: Message, to: Message["atCarrier"], receipt: ReceiptName | null): void {
  message.atCarrier = to;
  if (receipt !== null) message.owed |= receiptBits[receipt];
}

/** Any receipt may come before any other; each is repeated until its 2xx. */
function callbackSteps(world: World, message: Message, c: number, row: number): void {
  if (world.now.state.memory.heldCharge > 0) return; // one transaction at a time
  for (const receipt of receiptNames) {
    const bit = receiptBits[receipt];
    if ((message.owed & bit) === 0) continue;
    const description = `salesapi: receipt ${wordOf(receipt, message)} of message ${c + 1}.${row + 1}`;
    if (world.has("commit_before_2xx")) {
      world.step(
        () => `${description} (S9)`,
        (next) => {
          applyReceipt(world, next, c, row, receipt);
          answer(next.message(c, row), bit);
        },
      );
      world.chance(
        "duplicateReceipts",
        () => `${description} (S9), its 2xx is lost`,
        (next) => applyReceipt(world, next, c, row, receipt),
      );
    } else if (world.now.state.memory.heldMessage === 0) {
      world.step(
        () => `${description}, answered 2xx at once`,
        (next) => {
          answer(next.message(c, row), bit);
          Object.assign(next.state.memory, { heldMessage: c * world.size.messagesPerCampaign + row + 1, heldReceipt: bit });
        },
      );
    }
    world.chance(
      "lostReceipts",
      () => `${description} is lost`,
      (next) => {
        next.message(c, row).owed &= ~bit;
      },
    );
  }
}

function answer(message: Message, bit: number): void {
  message.owed &= ~bit;
  message.answered |= bit;
}

/** What a final state refuses and does not imply is quarantined. */
function applyReceipt(world: World, next: Records, c: number, row: number, receipt: ReceiptName): void {
  const message = next.message(c, row);
  const word = wordOf(receipt, message);
  if (moveMessage(world, next, c, row, word)) return;
  const isRefused = isFinal(message.status) && !impliedReceipts(message.status).includes(word);
  if (isRefused && world.has("refused_receipt_kept")) message.kept |= receiptBits[receipt];
}

/**
 * Only when nothing can be in flight any more: neither a body to the carrier nor a receipt from it.
 */
function mayExpire(world: World, now: Records, c: number, row: number): boolean {
  const { status } = now.campaign(c);
  const message = now.message(c, row);
  if (!isCampaignIn("open", status) || !isMessageIn("submitted", message.status)) return false;
  if (!now.campaign(c).isMeant) return false;
  if (!world.has("expiry_horizon")) return true;
  const isUnderWay =
    (now.campaign(c).strayBody & (1 << row)) !== 0 ||
    now.state.workers.some(({ doing, campaign, rows }) => doing === "meant" && campaign === c && (rows & (1 << row)) !== 0);
  return (
    !isUnderWay && message.owed === 0 && message.atCarrier !== "taken" && message.atCarrier !== "accepted" && message.atCarrier !== "sent"
  );
}

/**
 * What is only in salesapi's memory, because the guard that keeps it empty is missing: it is
 * written, or lost in a crash.
 */
function memorySteps(world: World, { state }: Records): void {
  const { heldMessage, heldReceipt, heldCharge } = state.memory;
  const { messagesPerCampaign } = world.size;
  if (heldMessage > 0) {
    world.step(
      () => "salesapi: commits what it has answered",
      (next) => {
        Object.assign(next.state.memory, { heldMessage: 0, heldReceipt: 0 });
        const receipt = receiptNames.find((name) => receiptBits[name] === heldReceipt) as ReceiptName;
        applyReceipt(world, next, Math.floor((heldMessage - 1) / messagesPerCampaign), (heldMessage - 1) % messagesPerCampaign, receipt);
      },
    );
  }
  if (heldCharge > 0) {
    world.step(
      () => "salesapi: writes the charge in a second transaction",
      (next) => {
        next.state.memory.heldCharge = 0;
        (next.state.messages[heldCharge - 1] as Message).charges++;
      },
    );
  }
  if (heldMessage > 0 || heldCharge > 0) {
    world.chance(
      "crashes",
      () => "salesapi: killed",
      (next) => {
        next.state.memory = { heldMessage: 0, heldReceipt: 0, heldCharge: 0 };
      },
    );
  }
}
