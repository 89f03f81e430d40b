// What a carrier delivers: receipts in all the forms that carriers write them in, and messages from
// phones. A phone can write "id:7 stat:DELIVRD" too, so the text alone makes no receipt unless the
// carrier marks none of them.
import type { SmppSettings } from "../../contracts/carriers.ts";
import { isMessageIn, type ReceiptStatus } from "../../contracts/states.ts";
import { dataCodings, esmClass, tags } from "../../protocols/smpp/constants.ts";
import { normalizeMessageId } from "../../protocols/smpp/message_ids.ts";
import { type MessageState, receiptStats, stateOfNumber, stateOfStat } from "../../protocols/smpp/message_states.ts";
import { tlvNumber, tlvText } from "../../protocols/smpp/octets.ts";
import { type DataSmPdu, messageOctets, type ShortMessagePdu } from "../../protocols/smpp/pdus.ts";
import { rawReceiptOf } from "../../protocols/smpp/raw_receipt.ts";
import { type ReceiptText, readReceiptText } from "../../protocols/smpp/receipt_text.ts";
import { type Alphabet, decodeText } from "../../sms/text_octets.ts";
import { type PartOfText, readUserDataHeader } from "../../sms/user_data_header.ts";
import type { CarrierReceipt, InboundMessage } from "../link.ts";

export type DeliveryPdu = ShortMessagePdu | DataSmPdu;
export type Delivery = { kind: "receipt"; receipt: CarrierReceipt } | { kind: "inbound"; message: InboundMessage };

/** Of `raw`. */
const rawLengthMax = 4_000;
const errorCodeLengthMax = 64;

const statusOfState: Readonly<Record<MessageState, ReceiptStatus>> = {
  scheduled: "queued",
  enroute: "queued",
  accepted: "queued",
  delivered: "delivered",
  undeliverable: "undelivered",
  expired: "undelivered",
  deleted: "undelivered",
  skipped: "undelivered",
  unknown: "undelivered",
  rejected: "failed",
};

/**
 * Never throws: what makes no sense is a receipt without an id, or a message as well as it reads.
 */
export function readDelivery(pdu: DeliveryPdu, settings: SmppSettings): Delivery {
  const type = pdu.esmClass & esmClass.typeMask;
  const isMarked = type === esmClass.receipt || type === esmClass.intermediateNotification;
  // a phone cannot set parameters
  const hasId = tlvText(pdu.tlvs, tags.receipted_message_id) !== null;
  if (isMarked || hasId || (settings.receipts_by_text && isReceiptByText(pdu))) {
    return { kind: "receipt", receipt: readReceipt(pdu, settings) };
  }
  const { octets, part } = bodyOf(pdu);
  const text = decodeText(octets, alphabetOf(pdu.dataCoding, settings.alphabet));
  return { kind: "inbound", message: inboundOf(pdu, text, part) };
}

function isReceiptByText(pdu: DeliveryPdu): boolean {
  const found = readReceiptText(receiptText(pdu));
  return found !== null && found.id !== null && found.stat !== null;
}

/** Carriers write it in ASCII, whatever their default alphabet: an id may have an underscore. */
function receiptText(pdu: DeliveryPdu): string {
  return decodeText(bodyOf(pdu).octets, pdu.dataCoding === dataCodings.ucs2 ? "ucs2" : "latin1");
}

function readReceipt(pdu: DeliveryPdu, settings: SmppSettings): CarrierReceipt {
  const text = receiptText(pdu);
  const written = readReceiptText(text);
  const id = tlvText(pdu.tlvs, tags.receipted_message_id) || written?.id || "";
  const number = tlvNumber(pdu.tlvs, tags.message_state);
  const state = number === null ? null : stateOfNumber(number);
  const status = statusOf(state, written?.stat ?? null, settings);
  const isIntermediate = (pdu.esmClass & esmClass.typeMask) === esmClass.intermediateNotification;
  return {
    theirId: clean(normalizeMessageId(id, settings.receipt_ids)),
    reference: null,
    // an intermediate notification ends nothing, whatever it claims
    status: isIntermediate && status !== "queued" ? null : status,
    errorCode: status !== null && isMessageIn("explained", status) ? errorCodeOf(pdu, written, state) : null,
    phone: phoneOf(pdu.source.digits) ?? phoneOf(pdu.destination.digits),
    raw: rawReceipt(pdu, text),
  };
}

/** The parameter's state counts more than the text's word; a word may be the carrier's own. */
function statusOf(state: MessageState | null, stat: string | null, settings: SmppSettings): ReceiptStatus | null {
  const ofText = stat === null ? null : stateOfStat(stat);
  const told = state ?? ofText;
  const words = [state === null ? stat : null, told === null ? null : receiptStats[told]];
  for (const word of words) {
    const override = word === null ? undefined : settings.receipt_states[word];
    if (override !== undefined) return override;
  }
  return told === null ? null : statusOfState[told];
}

/** The carrier's code unless it is zero, else the word of the state. */
function errorCodeOf(pdu: DeliveryPdu, written: ReceiptText | null, state: MessageState | null): string {
  const network = pdu.tlvs?.get(tags.network_error_code);
  const codes = [written?.err ?? null, network?.length === 3 ? String(network.readUInt16BE(1)) : null];
  const code = codes.find((one) => one !== null && !/^0+$/.test(one));
  const word = written?.stat ?? (state === null ? "UNKNOWN" : receiptStats[state]);
  return clean(code ?? word).slice(0, errorCodeLengthMax);
}

function rawReceipt(pdu: DeliveryPdu, text: string): string {
  const id = tlvText(pdu.tlvs, tags.receipted_message_id);
  const state = tlvNumber(pdu.tlvs, tags.message_state);
  return clean(rawReceiptOf(text, { id, state })).slice(0, rawLengthMax);
}

/** Postgres takes no NUL in a text. */
const clean = (text: string): string => text.replaceAll("\0", "\ufffd");

/** E.164 digits; null for anything else, such as a short code or a name. */
function phoneOf(address: string): string | null {
  return /^\+?(\d{7,15})$/.exec(address)?.[1] ?? null;
}

function inboundOf(pdu: DeliveryPdu, text: string, part: PartOfText | null): InboundMessage {
  const { esmClass: esm_class, dataCoding: data_coding } = pdu;
  const octets = messageOctets(pdu).toString("hex");
  const raw = JSON.stringify({ source: pdu.source.digits, destination: pdu.destination.digits, esm_class, data_coding, octets });
  return {
    from: clean(pdu.source.digits.replace(/^\+/, "")),
    to: clean(pdu.destination.digits.replace(/^\+/, "")),
    text: clean(text),
    theirId: null,
    part,
    raw: raw.slice(0, rawLengthMax),
  };
}

/** The message without the header that may stand before it. */
function bodyOf(pdu: DeliveryPdu): { octets: Uint8Array; part: PartOfText | null } {
  const octets = messageOctets(pdu);
  const hasHeader = (pdu.esmClass & esmClass.udhIndicator) !== 0;
  const { part, rest } = hasHeader ? readUserDataHeader(octets) : { part: null, rest: octets };
  return { octets: rest, part: part ?? sarPart(pdu) };
}

function sarPart({ tlvs }: DeliveryPdu): PartOfText | null {
  const reference = tlvNumber(tlvs, tags.sar_msg_ref_num);
  const total = tlvNumber(tlvs, tags.sar_total_segments);
  const number = tlvNumber(tlvs, tags.sar_segment_seqnum);
  if (reference === null || total === null || number === null || number < 1 || number > total) return null;
  return { reference, total, number };
}

/**
 * The alphabet of a data_coding: SMPP's own below 0x10, else that of GSM (3GPP TS 23.038, section
 * 4). Octets without an alphabet are read as Latin-1, which keeps each.
 */
function alphabetOf(dataCoding: number, defaultOfCarrier: "gsm7" | "latin1"): Alphabet {
  if (dataCoding === dataCodings.smscDefault) return defaultOfCarrier;
  if (dataCoding === dataCodings.ucs2) return "ucs2";
  if (dataCoding < 0x10) return "latin1";
  if ((dataCoding & 0xf0) === 0xf0) return (dataCoding & 0x04) === 0 ? defaultOfCarrier : "latin1";
  const kind = (dataCoding >> 2) & 0x03;
  return kind === 2 ? "ucs2" : kind === 0 ? defaultOfCarrier : "latin1";
}
