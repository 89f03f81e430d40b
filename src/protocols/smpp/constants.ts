// Numbers of SMPP 3.4 (Short Message Peer to Peer Protocol Specification v3.4, issue 1.2), by their
// names there without the prefixes: commands, statuses, optional parameters, types of addresses.

/** Section 5.1.2.1. The response to a request has its id with the highest bit set. */
export const commandIds = {
  bind_receiver: 0x01,
  bind_transmitter: 0x02,
  query_sm: 0x03,
  submit_sm: 0x04,
  deliver_sm: 0x05,
  unbind: 0x06,
  bind_transceiver: 0x09,
  enquire_link: 0x15,
  data_sm: 0x103,
  generic_nack: 0x8000_0000,
  bind_receiver_resp: 0x8000_0001,
  bind_transmitter_resp: 0x8000_0002,
  query_sm_resp: 0x8000_0003,
  submit_sm_resp: 0x8000_0004,
  deliver_sm_resp: 0x8000_0005,
  unbind_resp: 0x8000_0006,
  bind_transceiver_resp: 0x8000_0009,
  enquire_link_resp: 0x8000_0015,
  data_sm_resp: 0x8000_0103,
} as const;
export type CommandName = keyof typeof commandIds;

/** Whether a PDU of this command answers one of ours; generic_nack does. */
export const isResponse = (commandId: number): boolean => commandId >= 0x8000_0000;

/** The only version that we speak: some carriers refuse a bind with any other. */
export const interfaceVersion = 0x34;
/** Sequence numbers go from 1 to this, and begin again at 1. */
export const sequenceMax = 0x7fff_ffff;

/** command_status, section 5.1.3. */
export const statuses = {
  ROK: 0x00,
  RINVMSGLEN: 0x01,
  RINVCMDLEN: 0x02,
  RINVCMDID: 0x03,
  RINVBNDSTS: 0x04,
  RALYBND: 0x05,
  RINVPRTFLG: 0x06,
  RINVREGDLVFLG: 0x07,
  RSYSERR: 0x08,
  RINVSRCADR: 0x0a,
  RINVDSTADR: 0x0b,
  RINVMSGID: 0x0c,
  RBINDFAIL: 0x0d,
  RINVPASWD: 0x0e,
  RINVSYSID: 0x0f,
  RCANCELFAIL: 0x11,
  RREPLACEFAIL: 0x13,
  RMSGQFUL: 0x14,
  RINVSERTYP: 0x15,
  RINVNUMDESTS: 0x33,
  RINVDLNAME: 0x34,
  RINVDESTFLAG: 0x40,
  RINVSUBREP: 0x42,
  RINVESMCLASS: 0x43,
  RCNTSUBDL: 0x44,
  RSUBMITFAIL: 0x45,
  RINVSRCTON: 0x48,
  RINVSRCNPI: 0x49,
  RINVDSTTON: 0x50,
  RINVDSTNPI: 0x51,
  RINVSYSTYP: 0x53,
  RINVREPFLAG: 0x54,
  RINVNUMMSGS: 0x55,
  RTHROTTLED: 0x58,
  RINVSCHED: 0x61,
  RINVEXPIRY: 0x62,
  RINVDFTMSGID: 0x63,
  RX_T_APPN: 0x64,
  RX_P_APPN: 0x65,
  RX_R_APPN: 0x66,
  RQUERYFAIL: 0x67,
  RINVOPTPARSTREAM: 0xc0,
  ROPTPARNOTALLWD: 0xc1,
  RINVPARLEN: 0xc2,
  RMISSINGOPTPARAM: 0xc3,
  RINVOPTPARAMVAL: 0xc4,
  RDELIVERYFAILURE: 0xfe,
  RUNKNOWNERR: 0xff,
} as const;

const statusNames = new Map<number, string>(Object.entries(statuses).map(([name, code]) => [code, `ESME_${name}`]));

/** `ESME_RTHROTTLED (0x58)`; `0x410` for a number that the specification leaves to vendors. */
export function describeStatus(status: number): string {
  const code = `0x${status.toString(16).padStart(2, "0")}`;
  const name = statusNames.get(status);
  return name === undefined ? code : `${name} (${code})`;
}

/** Tags of optional parameters (TLVs), section 5.3.2. */
export const tags = {
  receipted_message_id: 0x001e,
  user_message_reference: 0x0204,
  sar_msg_ref_num: 0x020c,
  sar_total_segments: 0x020e,
  sar_segment_seqnum: 0x020f,
  sc_interface_version: 0x0210,
  network_error_code: 0x0423,
  message_payload: 0x0424,
  delivery_failure_reason: 0x0425,
  more_messages_to_send: 0x0426,
  message_state: 0x0427,
} as const;

/** Type of number, section 5.2.5. */
export const tons = {
  unknown: 0,
  international: 1,
  national: 2,
  network_specific: 3,
  subscriber: 4,
  alphanumeric: 5,
  abbreviated: 6,
} as const;
/** Numbering plan indicator, section 5.2.6. */
export const npis = { unknown: 0, isdn: 1 } as const;

/** Bits of esm_class, section 5.2.12. */
export const esmClass = {
  /** The message type: which of the following it is. */
  typeMask: 0x3c,
  receipt: 0x04,
  deliveryAcknowledgement: 0x08,
  userAcknowledgement: 0x10,
  intermediateNotification: 0x20,
  /** The short message begins with a user data header. */
  udhIndicator: 0x40,
} as const;

/** data_coding, section 5.2.19. */
export const dataCodings = { smscDefault: 0, ia5: 1, latin1: 3, octets: 4, ucs2: 8 } as const;

/** registered_delivery: a receipt of the final state, delivered or not. Section 5.2.17. */
export const receiptRequested = 0x01;
