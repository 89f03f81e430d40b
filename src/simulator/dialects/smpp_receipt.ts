// A message's receipt as the deliver_sm that tells it, and whether its client asked for it.
import type { CarrierErrorCode } from "../../contracts/receipts.ts";
import { theirIdOf } from "../../contracts/simulator_accounts.ts";
import type { AccountWeather } from "../../contracts/simulator_weather.ts";
import { esmClass, tags } from "../../protocols/smpp/constants.ts";
import { type MessageState, messageStates, receiptStats } from "../../protocols/smpp/message_states.ts";
import { type ShortMessagePdu, shortMessage } from "../../protocols/smpp/pdus.ts";
import { writeReceiptText } from "../../protocols/smpp/receipt_text.ts";
import type { AccountMessageView, AccountReceipt } from "../account_network.ts";

/** Bits of registered_delivery: which final states are told, and whether those before it are. */
const finalMask = 0x03;
const onlyFailures = 0x02;
const intermediate = 0x10;

export function isAskedFor({ message, status }: AccountReceipt): boolean {
  const registered = message.details.smpp?.registeredDelivery ?? 0;
  if (status === "queued") return (registered & intermediate) !== 0;
  // being sent is no state of SMPP
  if (status === "sent") return false;
  const asked = registered & finalMask;
  return asked !== 0 && (asked !== onlyFailures || status !== "delivered");
}

/** Codes of this simulator in `err` of receipts: three digits, 000 without an error. */
const errNumbers: Readonly<Record<CarrierErrorCode, string>> = {
  unknown_subscriber: "001",
  barred: "013",
  no_sms_service: "021",
  absent_subscriber: "027",
  sender_not_registered: "030",
  memory_full: "032",
  network_failure: "034",
  expired_in_network: "036",
  flooding_filter: "088",
};

export function receiptPdu({ message, status }: AccountReceipt, weather: AccountWeather): ShortMessagePdu {
  const { smpp } = message.details;
  if (smpp === undefined) throw new Error("a message of SMPP without its addresses");
  const id = theirIdOf(message.account, message.rowNo);
  const state = status === "queued" ? "enroute" : stateOf(message);
  const isFinal = status !== "queued";
  const text = writeReceiptText({
    id,
    stat: receiptStats[state],
    err: isFinal && message.errorCode !== null ? errNumbers[message.errorCode] : "000",
    submittedAtMs: message.acceptedAtMs,
    doneAtMs: (isFinal ? message.endedAtMs : null) ?? message.acceptedAtMs,
    text: message.details.text.replace(/[^ -~]/g, "?"),
    isWithoutCounts: weather.no_sub_dlvrd === true,
  });
  return shortMessage({
    command: "deliver_sm",
    source: smpp.destination,
    destination: smpp.source,
    esmClass: isFinal ? esmClass.receipt : esmClass.intermediateNotification,
    shortMessage: Buffer.from(weather.tlv_only === true ? "" : text, "latin1"),
    tlvs: new Map([
      [tags.receipted_message_id, Buffer.from(`${id}\0`, "latin1")],
      [tags.message_state, Buffer.of(messageStates[state])],
    ]),
  });
}

/** What query_sm is told too. */
export function stateOf({ end, errorCode }: AccountMessageView): MessageState {
  switch (end) {
    case "delivered":
      return "delivered";
    case "failed":
      return "rejected";
    case "undelivered":
      return errorCode === "expired_in_network" ? "expired" : "undeliverable";
    case null:
      return "enroute";
  }
}
