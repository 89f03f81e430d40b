// A message as the submit_sm PDUs that carry it: addresses, alphabet, long text, validity.
import type { SmppSettings } from "../../contracts/carriers.ts";
import { dataCodings, esmClass, npis, receiptRequested, tags, tons } from "../../protocols/smpp/constants.ts";
import { numberValue, type Tlvs } from "../../protocols/smpp/octets.ts";
import type { ShortMessagePdu, SmppAddress } from "../../protocols/smpp/pdus.ts";
import { absoluteTime, relativeTime } from "../../protocols/smpp/times.ts";
import { cutText } from "../../sms/cut.ts";
import type { Alphabet } from "../../sms/text_octets.ts";
import { concatenationHeader } from "../../sms/user_data_header.ts";
import type { CarrierMessage } from "../link.ts";

/** What differs between the PDUs of one message. */
export interface PartContent {
  esmClass: number;
  shortMessage: Buffer;
  tlvs: Tlvs | null;
}

export interface MessageContent {
  dataCoding: number;
  parts: PartContent[];
}

const none = Buffer.alloc(0);

/**
 * @param reference joins the parts of this message at the phone; used modulo 256 in the header of
 * the text, modulo 65,536 in parameters
 */
export function contentOf(text: string, settings: SmppSettings, reference: number): MessageContent {
  const { alphabet, parts } = cutText(text, settings.alphabet);
  const dataCoding = dataCodingOf(alphabet, settings);
  const octets = parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.length));
  if (octets.length === 1) return { dataCoding, parts: octets.map((shortMessage) => ({ esmClass: 0, shortMessage, tlvs: null })) };
  switch (settings.long_text) {
    case "payload":
      return { dataCoding, parts: [{ esmClass: 0, shortMessage: none, tlvs: new Map([[tags.message_payload, Buffer.concat(octets)]]) }] };
    case "udh":
      return { dataCoding, parts: octets.map((part, index) => withHeader(part, { reference, total: octets.length, number: index + 1 })) };
    case "sar":
      return { dataCoding, parts: octets.map((part, index) => withParameters(part, reference, octets.length, index + 1)) };
  }
}

function dataCodingOf(alphabet: Alphabet, settings: SmppSettings): number {
  return alphabet === "ucs2" ? dataCodings.ucs2 : settings.data_coding;
}

function withHeader(part: Buffer, place: { reference: number; total: number; number: number }): PartContent {
  return { esmClass: esmClass.udhIndicator, shortMessage: Buffer.concat([concatenationHeader(place), part]), tlvs: null };
}

function withParameters(part: Buffer, reference: number, total: number, number: number): PartContent {
  const tlvs = new Map([
    [tags.sar_msg_ref_num, numberValue(reference & 0xffff, 2)],
    [tags.sar_total_segments, numberValue(total, 1)],
    [tags.sar_segment_seqnum, numberValue(number, 1)],
  ]);
  return { esmClass: 0, shortMessage: part, tlvs };
}

const phone = (digits: string): SmppAddress => ({ ton: tons.international, npi: npis.isdn, digits });

/** A number of up to 8 digits is a short code, a longer one a phone, anything else a name. */
export function senderAddress(sender: string, shortCodeTon: number): SmppAddress {
  if (/^\d{1,8}$/.test(sender)) return { ton: shortCodeTon, npi: npis.unknown, digits: sender };
  if (/^\+?\d{9,15}$/.test(sender)) return phone(sender.replace("+", ""));
  return { ton: tons.alphanumeric, npi: npis.unknown, digits: sender };
}

/**
 * One part as it goes out now.
 * @param nowMs time of day: validity is counted from it
 */
export function submitPdu(
  message: CarrierMessage,
  content: MessageContent,
  part: PartContent,
  settings: SmppSettings,
  nowMs: number,
): ShortMessagePdu {
  return {
    command: "submit_sm",
    status: 0,
    sequence: 0,
    serviceType: settings.service_type,
    source: senderAddress(message.sender, settings.short_code_ton),
    destination: phone(message.phone),
    esmClass: part.esmClass,
    protocolId: 0,
    priority: 0,
    scheduleTime: "",
    validity: validityOf(message.validUntilMs, settings.validity, nowMs),
    registeredDelivery: settings.receipts === "none" ? 0 : receiptRequested,
    replaceIfPresent: 0,
    dataCoding: content.dataCoding,
    defaultMessageId: 0,
    shortMessage: part.shortMessage,
    tlvs: part.tlvs,
  };
}

function validityOf(validUntilMs: number, form: SmppSettings["validity"], nowMs: number): string {
  switch (form) {
    case "absolute":
      return absoluteTime(validUntilMs);
    case "relative":
      return relativeTime(validUntilMs - nowMs);
    case "none":
      return "";
  }
}
