import { expect, it } from "vitest";
import { requirePeer } from "../../../testing/peers.ts";
import { readWithTshark } from "../../../testing/tshark.ts";
import { commandIds, isResponse, npis, statuses, tags, tons } from "./constants.ts";
import { numberValue } from "./octets.ts";
import { encodePdu, type Pdu, shortMessage } from "./pdus.ts";
import { writeReceiptText } from "./receipt_text.ts";
import { absoluteTime, relativeTime } from "./times.ts";

const phone = { ton: tons.international, npi: npis.isdn, digits: "358401234567" };
const us = { ton: tons.alphanumeric, npi: npis.unknown, digits: "University" };
const atMs = Date.UTC(2026, 10, 30, 12);
const receipt = writeReceiptText({
  id: "812FC7470000001B",
  stat: "DELIVRD",
  err: "000",
  submittedAtMs: atMs,
  doneAtMs: atMs,
  text: "Hello",
});
const withTlvs = new Map<number, Buffer>([
  [tags.receipted_message_id, Buffer.from("812FC7470000001B\0")],
  [tags.message_state, numberValue(2, 1)],
  [tags.user_message_reference, numberValue(7, 2)],
  [tags.sar_msg_ref_num, numberValue(300, 2)],
  [tags.sar_total_segments, numberValue(2, 1)],
  [tags.sar_segment_seqnum, numberValue(1, 1)],
  [tags.more_messages_to_send, numberValue(1, 1)],
  [tags.network_error_code, Buffer.of(3, 0, 5)],
  [tags.delivery_failure_reason, numberValue(0, 1)],
]);

const submit = (fields: object): Pdu =>
  shortMessage({
    command: "submit_sm",
    source: us,
    destination: phone,
    shortMessage: Buffer.from("Hello"),
    registeredDelivery: 1,
    ...fields,
  });
const bind = {
  status: 0,
  sequence: 0,
  systemId: "uni",
  password: "secret",
  systemType: "VMA",
  interfaceVersion: 0x34,
  addressTon: 0,
  addressNpi: 0,
  addressRange: "",
};
const bound = { status: 0, sequence: 0, systemId: "carrier", tlvs: new Map([[0x0210, numberValue(0x34, 1)]]) };
const answer = { status: 0, sequence: 0, messageId: "812FC7470000001B", tlvs: null };
const bare = { status: 0, sequence: 0 };

const pdus: Pdu[] = [
  { ...bind, command: "bind_transceiver" },
  { ...bind, command: "bind_transmitter" },
  { ...bind, command: "bind_receiver" },
  { ...bound, command: "bind_transceiver_resp" },
  { ...bound, command: "bind_transmitter_resp" },
  { ...bound, command: "bind_receiver_resp", status: statuses.RALYBND },
  submit({ validity: relativeTime(86_400_000) }),
  submit({ validity: absoluteTime(atMs), dataCoding: 8, esmClass: 0x40, shortMessage: Buffer.from("0500030702010142", "hex") }),
  submit({ tlvs: withTlvs }),
  submit({ shortMessage: Buffer.alloc(0), tlvs: new Map([[tags.message_payload, Buffer.alloc(40_000, 0x41)]]) }),
  submit({ shortMessage: Buffer.alloc(254, 0x61) }),
  { ...answer, command: "submit_sm_resp" },
  { ...answer, command: "submit_sm_resp", status: statuses.RTHROTTLED, messageId: "" },
  shortMessage({ command: "deliver_sm", source: phone, destination: us, esmClass: 4, shortMessage: Buffer.from(receipt), tlvs: withTlvs }),
  { ...answer, command: "deliver_sm_resp", messageId: "" },
  {
    ...bare,
    command: "data_sm",
    serviceType: "",
    source: phone,
    destination: us,
    esmClass: 4,
    registeredDelivery: 0,
    dataCoding: 0,
    tlvs: withTlvs,
  },
  { ...answer, command: "data_sm_resp" },
  { ...bare, command: "query_sm", messageId: "7", source: us },
  { ...bare, command: "query_sm_resp", messageId: "7", finalDate: absoluteTime(atMs), messageState: 2, errorCode: 0 },
  { ...bare, command: "enquire_link" },
  { ...bare, command: "enquire_link_resp" },
  { ...bare, command: "unbind" },
  { ...bare, command: "unbind_resp" },
  { ...bare, command: "generic_nack", status: statuses.RINVCMDID },
].map((pdu, index) => ({ ...pdu, sequence: index + 1 }) as Pdu);

const hex = (number: number): string => `0x${number.toString(16).padStart(8, "0")}`;
const chunksOf = (bytes: Buffer) => [{ connection: 0, isFromClient: true, bytes }];

it("every PDU that we write is whole and well formed to tshark, and is the command that we meant", (context) => {
  const tshark = requirePeer("tshark", context);
  expect(new Set(pdus.map(({ command }) => command)).size).toBe(Object.keys(commandIds).length);
  const { malformed, values } = readWithTshark(tshark, chunksOf(Buffer.concat(pdus.map(encodePdu))));
  expect(malformed).toEqual([]);
  expect(values("smpp.command_id")).toEqual(pdus.map((pdu) => hex(pdu.command === "other" ? pdu.commandId : commandIds[pdu.command])));
  expect(values("smpp.sequence_number").map(Number)).toEqual(pdus.map(({ sequence }) => sequence));
  const responses = pdus.filter(({ command }) => isResponse(commandIds[command as keyof typeof commandIds]));
  expect(values("smpp.command_status")).toEqual(responses.map(({ status }) => hex(status)));
  expect(values("smpp.receipted_message_id")).toEqual(Array(3).fill("812FC7470000001B"));
});

it("tshark finds what is malformed: it can tell", (context) => {
  const tshark = requirePeer("tshark", context);
  const cut = encodePdu(pdus[6] as Pdu).subarray(0, 40);
  cut.writeUInt32BE(40);
  expect(readWithTshark(tshark, chunksOf(cut)).malformed).not.toEqual([]);
});
