// PDUs of SMPP 3.4 as data: read from their octets and written into a block, for both ends of a
// connection. What one end writes, the other reads back as the same data.
import { type CommandName, commandIds, tags } from "./constants.ts";
import { headerBytes } from "./frame_reader.ts";
import { OctetReader, OctetWriter, type Tlvs } from "./octets.ts";

interface Head {
  /** command_status: 0 in requests. */
  status: number;
  sequence: number;
}

export interface BindPdu extends Head {
  command: "bind_receiver" | "bind_transmitter" | "bind_transceiver";
  systemId: string;
  password: string;
  systemType: string;
  interfaceVersion: number;
  addressTon: number;
  addressNpi: number;
  addressRange: string;
}

export interface BindRespPdu extends Head {
  command: "bind_receiver_resp" | "bind_transmitter_resp" | "bind_transceiver_resp";
  /** Name of the peer; empty in a refusal. */
  systemId: string;
  tlvs: Tlvs | null;
}

export interface SmppAddress {
  ton: number;
  npi: number;
  digits: string;
}

export interface ShortMessagePdu extends Head {
  command: "submit_sm" | "deliver_sm";
  serviceType: string;
  source: SmppAddress;
  destination: SmppAddress;
  esmClass: number;
  protocolId: number;
  priority: number;
  scheduleTime: string;
  validity: string;
  registeredDelivery: number;
  replaceIfPresent: number;
  dataCoding: number;
  defaultMessageId: number;
  /** At most 254 octets; longer ones travel as message_payload. */
  shortMessage: Buffer;
  tlvs: Tlvs | null;
}

export interface DataSmPdu extends Head {
  command: "data_sm";
  serviceType: string;
  source: SmppAddress;
  destination: SmppAddress;
  esmClass: number;
  registeredDelivery: number;
  dataCoding: number;
  tlvs: Tlvs | null;
}

export interface MessageIdPdu extends Head {
  command: "submit_sm_resp" | "deliver_sm_resp" | "data_sm_resp";
  /** Empty in a refusal, and in every deliver_sm_resp. */
  messageId: string;
  tlvs: Tlvs | null;
}

export interface QuerySmPdu extends Head {
  command: "query_sm";
  messageId: string;
  source: SmppAddress;
}

export interface QuerySmRespPdu extends Head {
  command: "query_sm_resp";
  messageId: string;
  finalDate: string;
  messageState: number;
  errorCode: number;
}

export interface BarePdu extends Head {
  command: "enquire_link" | "enquire_link_resp" | "unbind" | "unbind_resp" | "generic_nack";
}

/** A command that we do not know: a request is answered by generic_nack. */
export interface OtherPdu extends Head {
  command: "other";
  commandId: number;
}

export type Pdu = BindPdu | BindRespPdu | ShortMessagePdu | DataSmPdu | MessageIdPdu | QuerySmPdu | QuerySmRespPdu | BarePdu | OtherPdu;

const nameById = new Map<number, CommandName>(Object.entries(commandIds).map(([name, id]) => [id, name as CommandName]));

/** Lengths that writers keep to; operators issue longer passwords than the specification's 8. */
const lengths = { systemId: 15, password: 64, systemType: 12, range: 40, serviceType: 5, address: 20, longAddress: 64, time: 16, id: 64 };
/** Readers take what a peer puts into an address or a credential, within reason. */
const readMax = 255;

const none = Buffer.alloc(0);

/** command_id, command_status and sequence_number of a whole PDU. */
export function readHead(bytes: Buffer, start: number): { commandId: number; status: number; sequence: number } {
  return {
    commandId: bytes.readUInt32BE(start + 4),
    status: bytes.readUInt32BE(start + 8),
    sequence: bytes.readUInt32BE(start + 12),
  };
}

/**
 * A whole PDU as a frame reader cut it. Its octets (`shortMessage`, values of `tlvs`) are views.
 * The body of a response that refuses is not read: many carriers leave it out, some break it.
 * @throws SmppPduError for a body that is cut, a parameter that reaches beyond it, an id of more
 * than 64 characters
 */
export function readPdu(bytes: Buffer, start: number, end: number): Pdu {
  const { commandId, status, sequence } = readHead(bytes, start);
  const command = nameById.get(commandId);
  const reader = new OctetReader(bytes, start + headerBytes, end);
  switch (command) {
    case "submit_sm":
    case "deliver_sm":
      return readShortMessage(reader, command, status, sequence);
    case "submit_sm_resp":
    case "deliver_sm_resp":
    case "data_sm_resp":
      return readMessageId(reader, command, status, sequence);
    case "data_sm":
      return readDataSm(reader, status, sequence);
    case "bind_receiver":
    case "bind_transmitter":
    case "bind_transceiver":
      return readBind(reader, command, status, sequence);
    case "bind_receiver_resp":
    case "bind_transmitter_resp":
    case "bind_transceiver_resp":
      if (status !== 0) return { command, status, sequence, systemId: "", tlvs: null };
      return { command, status, sequence, systemId: reader.cString("system_id", readMax), tlvs: reader.tlvs() };
    case "query_sm":
      return { command, status, sequence, messageId: reader.cString("message_id", lengths.id), source: readAddress(reader, "source_addr") };
    case "query_sm_resp":
      return readQueryResp(reader, status, sequence);
    case "enquire_link":
    case "enquire_link_resp":
    case "unbind":
    case "unbind_resp":
    case "generic_nack":
      return { command, status, sequence };
    case undefined:
      return { command: "other", commandId, status, sequence };
  }
}

function readBind(reader: OctetReader, command: BindPdu["command"], status: number, sequence: number): BindPdu {
  return {
    command,
    status,
    sequence,
    systemId: reader.cString("system_id", readMax),
    password: reader.cString("password", readMax),
    systemType: reader.cString("system_type", readMax),
    interfaceVersion: reader.octet("interface_version"),
    addressTon: reader.octet("addr_ton"),
    addressNpi: reader.octet("addr_npi"),
    addressRange: reader.cString("address_range", readMax),
  };
}

function readAddress(reader: OctetReader, field: string): SmppAddress {
  return { ton: reader.octet(field), npi: reader.octet(field), digits: reader.cString(field, readMax) };
}

function readShortMessage(reader: OctetReader, command: ShortMessagePdu["command"], status: number, sequence: number): ShortMessagePdu {
  return {
    command,
    status,
    sequence,
    serviceType: reader.cString("service_type", readMax),
    source: readAddress(reader, "source_addr"),
    destination: readAddress(reader, "destination_addr"),
    esmClass: reader.octet("esm_class"),
    protocolId: reader.octet("protocol_id"),
    priority: reader.octet("priority_flag"),
    scheduleTime: reader.cString("schedule_delivery_time", readMax),
    validity: reader.cString("validity_period", readMax),
    registeredDelivery: reader.octet("registered_delivery"),
    replaceIfPresent: reader.octet("replace_if_present_flag"),
    dataCoding: reader.octet("data_coding"),
    defaultMessageId: reader.octet("sm_default_msg_id"),
    shortMessage: reader.octets("short_message", reader.octet("sm_length")),
    tlvs: reader.tlvs(),
  };
}

function readDataSm(reader: OctetReader, status: number, sequence: number): DataSmPdu {
  return {
    command: "data_sm",
    status,
    sequence,
    serviceType: reader.cString("service_type", readMax),
    source: readAddress(reader, "source_addr"),
    destination: readAddress(reader, "destination_addr"),
    esmClass: reader.octet("esm_class"),
    registeredDelivery: reader.octet("registered_delivery"),
    dataCoding: reader.octet("data_coding"),
    tlvs: reader.tlvs(),
  };
}

/** An acceptance without any body has no id; a body that is there must be whole. */
function readMessageId(reader: OctetReader, command: MessageIdPdu["command"], status: number, sequence: number): MessageIdPdu {
  if (status !== 0 || reader.isAtEnd()) return { command, status, sequence, messageId: "", tlvs: null };
  return { command, status, sequence, messageId: reader.cString("message_id", lengths.id), tlvs: reader.tlvs() };
}

function readQueryResp(reader: OctetReader, status: number, sequence: number): QuerySmRespPdu {
  const command = "query_sm_resp";
  if (status !== 0) return { command, status, sequence, messageId: "", finalDate: "", messageState: 0, errorCode: 0 };
  return {
    command,
    status,
    sequence,
    messageId: reader.cString("message_id", lengths.id),
    finalDate: reader.cString("final_date", readMax),
    messageState: reader.octet("message_state"),
    errorCode: reader.octet("error_code"),
  };
}

/**
 * Adds a PDU to the block.
 * @param sequence instead of that of the PDU
 * @throws RangeError for a field that is too long or has a character beyond Latin-1; nothing of the
 * PDU is then in the block
 */
export function writePdu(writer: OctetWriter, pdu: Pdu, sequence = pdu.sequence): void {
  writer.begin(pdu.command === "other" ? pdu.commandId : commandIds[pdu.command], pdu.status, sequence);
  switch (pdu.command) {
    case "submit_sm":
    case "deliver_sm":
      writeShortMessage(writer, pdu);
      break;
    case "submit_sm_resp":
    case "deliver_sm_resp":
    case "data_sm_resp":
      writer.cString("message_id", pdu.messageId, lengths.id);
      writer.tlvs(pdu.tlvs);
      break;
    case "data_sm":
      writeDataSm(writer, pdu);
      break;
    case "bind_receiver":
    case "bind_transmitter":
    case "bind_transceiver":
      writeBind(writer, pdu);
      break;
    case "bind_receiver_resp":
    case "bind_transmitter_resp":
    case "bind_transceiver_resp":
      writer.cString("system_id", pdu.systemId, lengths.systemId);
      writer.tlvs(pdu.tlvs);
      break;
    case "query_sm":
      writer.cString("message_id", pdu.messageId, lengths.id);
      writeAddress(writer, "source_addr", pdu.source, lengths.address);
      break;
    case "query_sm_resp":
      writer.cString("message_id", pdu.messageId, lengths.id);
      writer.cString("final_date", pdu.finalDate, lengths.time);
      writer.octet(pdu.messageState);
      writer.octet(pdu.errorCode);
      break;
  }
  writer.end();
}

function writeBind(writer: OctetWriter, pdu: BindPdu): void {
  writer.cString("system_id", pdu.systemId, lengths.systemId);
  writer.cString("password", pdu.password, lengths.password);
  writer.cString("system_type", pdu.systemType, lengths.systemType);
  writer.octet(pdu.interfaceVersion);
  writer.octet(pdu.addressTon);
  writer.octet(pdu.addressNpi);
  writer.cString("address_range", pdu.addressRange, lengths.range);
}

function writeAddress(writer: OctetWriter, field: string, address: SmppAddress, lengthMax: number): void {
  writer.octet(address.ton);
  writer.octet(address.npi);
  writer.cString(field, address.digits, lengthMax);
}

function writeShortMessage(writer: OctetWriter, pdu: ShortMessagePdu): void {
  writer.cString("service_type", pdu.serviceType, lengths.serviceType);
  writeAddress(writer, "source_addr", pdu.source, lengths.address);
  writeAddress(writer, "destination_addr", pdu.destination, lengths.address);
  writer.octet(pdu.esmClass);
  writer.octet(pdu.protocolId);
  writer.octet(pdu.priority);
  writer.cString("schedule_delivery_time", pdu.scheduleTime, lengths.time);
  writer.cString("validity_period", pdu.validity, lengths.time);
  writer.octet(pdu.registeredDelivery);
  writer.octet(pdu.replaceIfPresent);
  writer.octet(pdu.dataCoding);
  writer.octet(pdu.defaultMessageId);
  writer.shortOctets("short_message", pdu.shortMessage);
  writer.tlvs(pdu.tlvs);
}

function writeDataSm(writer: OctetWriter, pdu: DataSmPdu): void {
  writer.cString("service_type", pdu.serviceType, lengths.serviceType);
  writeAddress(writer, "source_addr", pdu.source, lengths.longAddress);
  writeAddress(writer, "destination_addr", pdu.destination, lengths.longAddress);
  writer.octet(pdu.esmClass);
  writer.octet(pdu.registeredDelivery);
  writer.octet(pdu.dataCoding);
  writer.tlvs(pdu.tlvs);
}

/** One PDU in octets of its own. */
export function encodePdu(pdu: Pdu): Buffer {
  const writer = new OctetWriter();
  writePdu(writer, pdu);
  return Buffer.from(writer.take());
}

type MessageFields = Pick<ShortMessagePdu, "command" | "source" | "destination" | "shortMessage"> & Partial<ShortMessagePdu>;

/** A submit_sm or deliver_sm whose fields are 0 or empty unless given. */
export function shortMessage(fields: MessageFields): ShortMessagePdu {
  return {
    status: 0,
    sequence: 0,
    serviceType: "",
    esmClass: 0,
    protocolId: 0,
    priority: 0,
    scheduleTime: "",
    validity: "",
    registeredDelivery: 0,
    replaceIfPresent: 0,
    dataCoding: 0,
    defaultMessageId: 0,
    tlvs: null,
    ...fields,
  };
}

/** The octets of a message wherever they travel: as short_message, else as message_payload. */
export function messageOctets(pdu: ShortMessagePdu | DataSmPdu): Buffer {
  if (pdu.command !== "data_sm" && pdu.shortMessage.length > 0) return pdu.shortMessage;
  return pdu.tlvs?.get(tags.message_payload) ?? none;
}
