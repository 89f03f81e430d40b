import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomRuns } from "../../../testing/random_runs.ts";
import { commandIds, describeStatus, statuses, tags } from "./constants.ts";
import { numberValue, OctetWriter, SmppPduError, tlvNumber, tlvText } from "./octets.ts";
import { encodePdu, messageOctets, type Pdu, readPdu, shortMessage, writePdu } from "./pdus.ts";

const read = (bytes: Buffer): Pdu => readPdu(bytes, 0, bytes.length);
const octet = fc.integer({ min: 0, max: 255 });
const text = (maxLength: number) => fc.array(fc.integer({ min: 1, max: 255 }), { maxLength }).map((codes) => String.fromCharCode(...codes));
const octets = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const tlvs = fc.oneof(
  fc.constant(null),
  fc.array(fc.tuple(fc.integer({ min: 1, max: 0xffff }), octets(80)), { minLength: 1, maxLength: 5 }).map((entries) => new Map(entries)),
);
const head = { sequence: fc.integer({ min: 1, max: 0x7fff_ffff }), status: fc.constant(0) };
const address = (maxLength: number) => fc.record({ ton: octet, npi: octet, digits: text(maxLength) });
const anyPdu: fc.Arbitrary<Pdu> = fc.oneof(
  fc.record({
    ...head,
    command: fc.constantFrom("submit_sm" as const, "deliver_sm" as const),
    serviceType: text(5),
    source: address(20),
    destination: address(20),
    esmClass: octet,
    protocolId: octet,
    priority: octet,
    scheduleTime: text(16),
    validity: text(16),
    registeredDelivery: octet,
    replaceIfPresent: octet,
    dataCoding: octet,
    defaultMessageId: octet,
    shortMessage: octets(254),
    tlvs,
  }),
  fc.record({
    ...head,
    command: fc.constant("data_sm" as const),
    serviceType: text(5),
    source: address(64),
    destination: address(64),
    esmClass: octet,
    registeredDelivery: octet,
    dataCoding: octet,
    tlvs,
  }),
  fc.record({
    ...head,
    command: fc.constantFrom("bind_receiver" as const, "bind_transmitter" as const, "bind_transceiver" as const),
    systemId: text(15),
    password: text(64),
    systemType: text(12),
    interfaceVersion: octet,
    addressTon: octet,
    addressNpi: octet,
    addressRange: text(40),
  }),
  fc.record({
    ...head,
    command: fc.constantFrom("bind_receiver_resp" as const, "bind_transmitter_resp" as const, "bind_transceiver_resp" as const),
    systemId: text(15),
    tlvs,
  }),
  fc.record({
    ...head,
    command: fc.constantFrom("submit_sm_resp" as const, "deliver_sm_resp" as const, "data_sm_resp" as const),
    messageId: text(64),
    tlvs,
  }),
  fc.record({ ...head, command: fc.constant("query_sm" as const), messageId: text(64), source: address(20) }),
  fc.record({
    ...head,
    command: fc.constant("query_sm_resp" as const),
    messageId: text(64),
    finalDate: text(16),
    messageState: octet,
    errorCode: octet,
  }),
  fc.record({
    sequence: head.sequence,
    status: fc.integer({ min: 0, max: 0xffff_ffff }),
    command: fc.constantFrom(
      "enquire_link" as const,
      "enquire_link_resp" as const,
      "unbind" as const,
      "unbind_resp" as const,
      "generic_nack" as const,
    ),
  }),
  fc.record({ ...head, command: fc.constant("other" as const), commandId: fc.constantFrom(0x07, 0x0b, 0x21, 0x102, 0x8000_0007) }),
);

describe("a PDU", () => {
  it("reads back as what was written, wherever it stands in a block", () => {
    fc.assert(
      fc.property(fc.array(anyPdu, { minLength: 1, maxLength: 4 }), (pdus) => {
        const writer = new OctetWriter();
        const starts = pdus.map((pdu) => {
          const start = writer.length;
          writePdu(writer, pdu);
          return start;
        });
        const block = writer.take();
        starts.forEach((start, index) => {
          const end = starts[index + 1] ?? block.length;
          expect(block.readUInt32BE(start)).toBe(end - start);
          expect(readPdu(block, start, end)).toEqual(pdus[index]);
        });
      }),
      { numRuns: randomRuns(200) },
    );
  });

  it("that is cut anywhere within its fixed fields is an error, never another PDU", () => {
    fc.assert(
      fc.property(anyPdu, (pdu) => {
        const bytes = encodePdu("tlvs" in pdu ? { ...pdu, tlvs: null } : pdu);
        // a whole header with nothing behind it: a response without a body may look like that
        for (let end = 17; end < bytes.length; end++) expect(() => readPdu(bytes, 0, end)).toThrow(SmppPduError);
      }),
      { numRuns: randomRuns(50) },
    );
  });

  it("whose optional parameter reaches beyond it is an error, though the octets behind it are there", () => {
    const bytes = encodePdu({
      ...shortMessage({ command: "deliver_sm", source: unknown, destination: unknown, shortMessage: Buffer.from("x") }),
      tlvs: new Map([[tags.receipted_message_id, Buffer.from("12345\0")]]),
    });
    const long = Buffer.concat([bytes, Buffer.alloc(50)]);
    long.writeUInt16BE(7, bytes.length - 8);
    expect(() => readPdu(long, 0, bytes.length)).toThrow("optional parameter 0x1e of 7 octets reaches beyond its PDU");
    for (const left of [1, 2, 3]) expect(() => readPdu(bytes, 0, bytes.length - 10 + left)).toThrow("an optional parameter is cut short");
  });

  it("of any random octets is read or refused, and nothing else is thrown", () => {
    const commands = fc.constantFrom(...Object.values(commandIds), 0x21, 0x102);
    fc.assert(
      fc.property(commands, fc.uint8Array({ maxLength: 120 }), (commandId, body) => {
        const bytes = Buffer.concat([Buffer.alloc(16), body]);
        bytes.writeUInt32BE(bytes.length);
        bytes.writeUInt32BE(commandId, 4);
        try {
          expect(read(bytes).sequence).toBe(0);
        } catch (error) {
          expect(error).toBeInstanceOf(SmppPduError);
        }
      }),
      { numRuns: randomRuns(500) },
    );
  });
});

const unknown = { ton: 0, npi: 0, digits: "" };

describe("an answer", () => {
  const accepted = (messageId: string) =>
    encodePdu({ command: "submit_sm_resp", status: 0, sequence: 3, messageId: "", tlvs: null }).subarray(0, 16).toString("hex") +
    Buffer.from(`${messageId}\0`).toString("hex");
  const withId = (messageId: string): Buffer => {
    const bytes = Buffer.from(accepted(messageId), "hex");
    bytes.writeUInt32BE(bytes.length);
    return bytes;
  };

  it("may have an id of 64 characters, and not of 65", () => {
    expect(read(withId("a".repeat(64)))).toMatchObject({ messageId: "a".repeat(64) });
    expect(() => read(withId("a".repeat(65)))).toThrow("message_id has more than 64 characters");
  });

  it("that refuses needs no body, and a broken one says nothing", () => {
    const refused = (body: string): Buffer => {
      const bytes = Buffer.concat([encodePdu({ command: "unbind", status: statuses.RTHROTTLED, sequence: 9 }), Buffer.from(body, "hex")]);
      bytes.writeUInt32BE(bytes.length);
      bytes.writeUInt32BE(commandIds.submit_sm_resp, 4);
      return bytes;
    };
    for (const body of ["", "00", "41", "4100001e"]) {
      expect(read(refused(body))).toEqual({ command: "submit_sm_resp", status: 0x58, sequence: 9, messageId: "", tlvs: null });
    }
  });

  it("without any body has no id", () => {
    const bytes = encodePdu({ command: "unbind", status: 0, sequence: 1 });
    bytes.writeUInt32BE(commandIds.deliver_sm_resp, 4);
    expect(read(bytes)).toMatchObject({ command: "deliver_sm_resp", messageId: "" });
  });
});

describe("what SMPP cannot carry", () => {
  const submit = shortMessage({ command: "submit_sm", source: unknown, destination: unknown, shortMessage: Buffer.alloc(0) });
  it.each<[string, Partial<typeof submit>]>([
    ["a sender of 21 characters", { source: { ...unknown, digits: "a".repeat(21) } }],
    ["a sender with a NUL", { source: { ...unknown, digits: "a\0b" } }],
    ["a sender beyond Latin-1", { source: { ...unknown, digits: "Łódź" } }],
    ["a text of 255 octets", { shortMessage: Buffer.alloc(255) }],
    ["a parameter of 65,536 octets", { tlvs: new Map([[tags.message_payload, Buffer.alloc(65_536)]]) }],
  ])("%s is refused, and leaves nothing in the block", (_what, fields) => {
    const writer = new OctetWriter();
    writePdu(writer, { ...submit, sequence: 1 });
    const before = writer.length;
    expect(() => writePdu(writer, { ...submit, ...fields })).toThrow(RangeError);
    expect(writer.length).toBe(before);
    expect(read(Buffer.from(writer.take()))).toEqual({ ...submit, sequence: 1 });
  });
});

describe("optional parameters", () => {
  it("of text end at their first NUL (gosmpp#124)", () => {
    const values = new Map([[tags.receipted_message_id, Buffer.from("39f99dd5\0\0")]]);
    expect(tlvText(values, tags.receipted_message_id)).toBe("39f99dd5");
    expect(tlvText(new Map([[1, Buffer.from("ab")]]), 1)).toBe("ab");
    expect(tlvText(null, 1)).toBeNull();
  });

  it("of numbers have 1 to 4 octets", () => {
    const values = new Map([
      [1, numberValue(7, 1)],
      [2, numberValue(0x1234, 2)],
      [3, Buffer.alloc(0)],
      [4, Buffer.alloc(5)],
    ]);
    expect([1, 2, 3, 4, 5].map((tag) => tlvNumber(values, tag))).toEqual([7, 0x1234, null, null, null]);
  });

  it("hold the text when short_message is empty, in submit_sm, deliver_sm and data_sm", () => {
    const payload = new Map([[tags.message_payload, Buffer.from("long")]]);
    const base = shortMessage({
      command: "deliver_sm",
      source: unknown,
      destination: unknown,
      shortMessage: Buffer.alloc(0),
      tlvs: payload,
    });
    expect(messageOctets(base).toString()).toBe("long");
    expect(messageOctets({ ...base, shortMessage: Buffer.from("short") }).toString()).toBe("short");
    expect(messageOctets({ ...base, tlvs: null })).toHaveLength(0);
  });
});

it("a status is named as the specification names it, and shown as a number when it is a vendor's", () => {
  expect([0x58, 0x0, 0x410].map(describeStatus)).toEqual(["ESME_RTHROTTLED (0x58)", "ESME_ROK (0x00)", "0x410"]);
});
