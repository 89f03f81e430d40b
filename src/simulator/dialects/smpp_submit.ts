// A submit_sm as a message of the network: whom it is for, what it says, which part of a text it
// is; or the status that refuses it.
import type { AccountMessage } from "../../contracts/simulator_accounts.ts";
import { esmClass, statuses, tags, tons } from "../../protocols/smpp/constants.ts";
import { tlvNumber } from "../../protocols/smpp/octets.ts";
import { messageOctets, type ShortMessagePdu, type SmppAddress } from "../../protocols/smpp/pdus.ts";
import { readTime } from "../../protocols/smpp/times.ts";
import { countParts } from "../../sms/parts.ts";
import { type Alphabet, decodeText } from "../../sms/text_octets.ts";
import { type PartOfText, readUserDataHeader } from "../../sms/user_data_header.ts";
import type { AccountSubmit } from "../account_network.ts";

/** Of a message that names no validity. */
const validityDefaultMs = 48 * 3_600_000;

export type SmppSubmit = { submit: AccountSubmit } | { status: number };

/** @param defaultAlphabet what data_coding 0 means here */
export function readSubmitSm(pdu: ShortMessagePdu, defaultAlphabet: "gsm7" | "latin1", nowMs: number): SmppSubmit {
  const { source, destination, validity, registeredDelivery } = pdu;
  const to = phoneOf(destination);
  if (to === null) return { status: statuses.RINVDSTADR };
  if (!isSender(source)) return { status: statuses.RINVSRCADR };
  if (pdu.scheduleTime !== "") return { status: statuses.RINVSCHED };
  const validUntilMs = validity === "" ? nowMs + validityDefaultMs : readTime(validity, nowMs);
  if (validUntilMs === null || validUntilMs <= nowMs) return { status: statuses.RINVEXPIRY };
  const alphabet = alphabetOf(pdu.dataCoding, defaultAlphabet);
  if (alphabet === null) return { status: statuses.RSUBMITFAIL };
  const { part, rest } = partOf(pdu);
  if (rest.length === 0 || (alphabet === "ucs2" && rest.length % 2 === 1)) return { status: statuses.RINVMSGLEN };
  const text = decodeText(rest, alphabet);
  const details: AccountMessage = {
    to,
    from: source.digits,
    text,
    ...(part === null ? {} : { part }),
    smpp: { source, destination, registeredDelivery },
  };
  return { submit: { parts: part === null ? Math.min(255, Math.max(1, countParts(text))) : 1, validUntilMs, details } };
}

/** E.164 with its plus, of digits with or without one, or behind 00. */
function phoneOf({ digits }: SmppAddress): string | null {
  const match = /^(?:\+|00)?([1-9]\d{6,14})$/.exec(digits);
  return match === null ? null : `+${match[1]}`;
}

function isSender({ ton, digits }: SmppAddress): boolean {
  return ton === tons.alphanumeric ? /^.{1,11}$/u.test(digits) : /^\+?\d{1,20}$/.test(digits);
}

/** null: a coding that stands for no text. Sections 5.2.19 of SMPP 3.4 and 4 of 3GPP TS 23.038. */
function alphabetOf(coding: number, defaultAlphabet: "gsm7" | "latin1"): Alphabet | null {
  switch (coding) {
    // with a message class: flash
    case 0x00:
    case 0x10:
    case 0xf0:
    case 0xf1:
      return defaultAlphabet;
    // ASCII is the lower half of Latin-1
    case 0x01:
    case 0x03:
      return "latin1";
    case 0x08:
    case 0x18:
      return "ucs2";
    default:
      return null;
  }
}

function partOf(pdu: ShortMessagePdu): { part: PartOfText | null; rest: Uint8Array } {
  const octets = messageOctets(pdu);
  if ((pdu.esmClass & esmClass.udhIndicator) !== 0) return readUserDataHeader(octets);
  const reference = tlvNumber(pdu.tlvs, tags.sar_msg_ref_num);
  const total = tlvNumber(pdu.tlvs, tags.sar_total_segments);
  const number = tlvNumber(pdu.tlvs, tags.sar_segment_seqnum);
  const isPart = reference !== null && total !== null && number !== null && number >= 1 && number <= total;
  return { part: isPart ? { reference, total, number } : null, rest: octets };
}
