import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { smppSettings } from "../../contracts/carriers.ts";
import { tags } from "../../protocols/smpp/constants.ts";
import { messageStates } from "../../protocols/smpp/message_states.ts";
import { numberValue } from "../../protocols/smpp/octets.ts";
import { type ShortMessagePdu, shortMessage } from "../../protocols/smpp/pdus.ts";
import { encodeText } from "../../sms/text_octets.ts";
import { concatenationHeader } from "../../sms/user_data_header.ts";
import type { CarrierReceipt, InboundMessage } from "../link.ts";
import { readDelivery } from "./deliveries.ts";

const phone = { ton: 1, npi: 1, digits: "358401234567" };
const us = { ton: 5, npi: 0, digits: "Uni" };
const deliver = (text: string | Uint8Array, fields: Partial<ShortMessagePdu> = {}): ShortMessagePdu =>
  shortMessage({
    command: "deliver_sm",
    source: phone,
    destination: us,
    shortMessage: Buffer.from(text as string),
    esmClass: 0x04,
    ...fields,
  });

function receiptOf(pdu: ShortMessagePdu, fields: object = {}): CarrierReceipt {
  const delivery = readDelivery(pdu, settingsOf(fields));
  if (delivery.kind !== "receipt") throw new Error("it was read as a message from a phone");
  return delivery.receipt;
}

function inboundOf(pdu: ShortMessagePdu, fields: object = {}): InboundMessage {
  const delivery = readDelivery(pdu, settingsOf(fields));
  if (delivery.kind !== "inbound") throw new Error("it was read as a receipt");
  return delivery.message;
}

const settingsOf = (fields: object) => smppSettings.parse({ protocol: "smpp", host: "127.0.0.1", port: 2775, system_id: "uni", ...fields });
const dates = "submit date:2611301200 done date:2611301201";
const parameters = (id: string | null, state: number | null) =>
  new Map<number, Buffer>([
    ...(id === null ? [] : [[tags.receipted_message_id, Buffer.from(id)] as const]),
    ...(state === null ? [] : [[tags.message_state, numberValue(state, 1)] as const]),
  ]);

describe("a receipt", () => {
  it("by its text has the carrier's id, our state, and the phone", () => {
    const text = `id:0123 sub:001 dlvrd:001 ${dates} stat:DELIVRD err:000 text:Hello`;
    expect(receiptOf(deliver(text))).toEqual({
      theirId: "0123",
      reference: null,
      status: "delivered",
      errorCode: null,
      phone: "358401234567",
      raw: text,
    });
  });

  it("by parameters alone needs no text (vumi#637), with a NUL behind the id (gosmpp#124)", () => {
    const receipt = receiptOf(deliver("", { tlvs: parameters("39f99dd5\0", 5) }), { receipt_ids: "hex_to_dec" });
    expect(receipt).toMatchObject({
      theirId: "972660181",
      status: "undelivered",
      errorCode: "UNDELIV",
      raw: "receipted_message_id=39f99dd5 message_state=5",
    });
  });

  it("by parameters is one even if esm_class does not say so: a phone sets none", () => {
    expect(receiptOf(deliver("Hello", { esmClass: 0, tlvs: parameters("7", 2) }))).toMatchObject({ theirId: "7", status: "delivered" });
  });

  it("has the parameters' id and state, where they and the text differ", () => {
    expect(receiptOf(deliver("id:1 stat:ENROUTE", { tlvs: parameters("2", 2) }))).toMatchObject({ theirId: "2", status: "delivered" });
    expect(receiptOf(deliver("id:1 stat:EXPIRED", { tlvs: parameters("", null) }))).toMatchObject({ theirId: "1", status: "undelivered" });
  });

  it("as data_sm is read the same, and its text may be a payload", () => {
    const { esmClass } = deliver("");
    const tlvs = new Map([[tags.message_payload, Buffer.from("id:9 stat:DELIVRD")]]);
    const data = {
      command: "data_sm",
      status: 0,
      sequence: 1,
      serviceType: "",
      source: phone,
      destination: us,
      esmClass,
      registeredDelivery: 0,
      dataCoding: 0,
      tlvs,
    } as const;
    expect(readDelivery(data, settingsOf({}))).toMatchObject({ kind: "receipt", receipt: { theirId: "9", status: "delivered" } });
  });

  it.each([
    ["SCHEDLD", "queued"],
    ["ENROUTE", "queued"],
    ["ACCEPTD", "queued"],
    ["DELIVRD", "delivered"],
    ["DELIVERED", "delivered"],
    ["UNDELIV", "undelivered"],
    ["EXPIRED", "undelivered"],
    ["DELETED", "undelivered"],
    ["SKIPPED", "undelivered"],
    ["UNKNOWN", "undelivered"],
    ["REJECTD", "failed"],
    ["BOGUS", null],
  ])("with stat %s means %s", (stat, status) => {
    expect(receiptOf(deliver(`id:1 stat:${stat} err:1`)).status).toBe(status);
  });

  it("with each message_state means the same as its word", () => {
    for (const [name, number] of Object.entries(messageStates)) {
      const word =
        { undeliverable: "undeliv", accepted: "acceptd", rejected: "rejectd", delivered: "delivrd", scheduled: "schedld" }[name] ?? name;
      expect(receiptOf(deliver("", { tlvs: parameters("1", number) })).status).toBe(receiptOf(deliver(`id:1 stat:${word}`)).status);
    }
    expect(receiptOf(deliver("", { tlvs: parameters("1", 77) })).status).toBeNull();
  });

  it("means what the carrier's settings say", () => {
    const receipt_states = { UNKNOWN: "queued", BOGUS: "failed" };
    expect(receiptOf(deliver("id:1 stat:UNKNOWN"), { receipt_states }).status).toBe("queued");
    expect(receiptOf(deliver("", { tlvs: parameters("1", 7) }), { receipt_states }).status).toBe("queued");
    expect(receiptOf(deliver("id:1 stat:bogus err:5"), { receipt_states })).toMatchObject({ status: "failed", errorCode: "5" });
  });

  it.each([
    ["err:0x1B", "0x1B"],
    ["err:5E", "5E"],
    ["err:0032", "0032"],
    ["err:000", "UNDELIV"],
    ["", "UNDELIV"],
    [`err:${"9".repeat(90)}`, "9".repeat(64)],
  ])("that failed with %j has the code %s (cloudhopper#40, jasmin#599, php-smpp#70)", (err, code) => {
    expect(receiptOf(deliver(`id:1 stat:UNDELIV ${err}`)).errorCode).toBe(code);
  });

  it("that failed may have its code in a parameter", () => {
    const tlvs = new Map([...parameters("1", 5), [tags.network_error_code, Buffer.of(3, 0x01, 0x02)]]);
    expect(receiptOf(deliver("", { tlvs })).errorCode).toBe("258");
  });

  it("that is intermediate ends nothing (jasmin#885)", () => {
    const intermediate = (stat: string) => receiptOf(deliver(`id:1 stat:${stat} err:1`, { esmClass: 0x20 })).status;
    expect([intermediate("ENROUTE"), intermediate("DELIVRD"), intermediate("UNDELIV")]).toEqual(["queued", null, null]);
  });

  it("names the phone in whichever address it is", () => {
    const swapped = deliver("id:1 stat:DELIVRD", { source: us, destination: { ...phone, digits: "+358401234567" } });
    expect(receiptOf(swapped).phone).toBe("358401234567");
    expect(receiptOf(deliver("id:1 stat:DELIVRD", { source: us })).phone).toBeNull();
  });

  it("that makes no sense has no id and no state, and is kept as it came, without a NUL", () => {
    expect(receiptOf(deliver(`whatever\0${"x".repeat(200)}`))).toMatchObject({
      theirId: "",
      status: null,
      phone: "358401234567",
      raw: `whatever\ufffd${"x".repeat(200)}`,
    });
    const long = deliver("", { tlvs: new Map([[tags.message_payload, Buffer.alloc(60_000, 0x41)]]) });
    expect(receiptOf(long).raw).toHaveLength(4_000);
  });

  it("in UCS-2, and with an underscore where GSM-7 has none, is read", () => {
    expect(receiptOf(deliver(encodeText("id:7 stat:DELIVRD", "ucs2"), { dataCoding: 8 }))).toMatchObject({
      theirId: "7",
      status: "delivered",
    });
    expect(receiptOf(deliver("id:a_7@[x] stat:DELIVRD")).theirId).toBe("a_7@[x]");
  });
});

describe("a message from a phone", () => {
  it("that reads like a receipt is none: esm_class decides, unless the carrier marks no receipts", () => {
    const forged = deliver("id:7 stat:DELIVRD", { esmClass: 0 });
    expect(inboundOf(forged)).toMatchObject({ from: "358401234567", to: "Uni", text: "id:7 stat:DELIVRD" });
    expect(receiptOf(forged, { receipts_by_text: true })).toMatchObject({ theirId: "7", status: "delivered" });
    for (const text of ["id:7", "stat:DELIVRD", "Hello"])
      expect(inboundOf(deliver(text, { esmClass: 0 }), { receipts_by_text: true }).text).toBe(text);
  });

  it.each<[string, Uint8Array, number, string]>([
    ["the carrier's alphabet", encodeText("Hi @ €", "gsm7"), 0x00, "Hi @ €"],
    ["ASCII", Buffer.from("Hi_"), 0x01, "Hi_"],
    ["Latin-1", Buffer.from("fc", "hex"), 0x03, "ü"],
    ["octets", Buffer.from("00ff", "hex"), 0x04, "\ufffdÿ"],
    ["UCS-2", encodeText("ł😀", "ucs2"), 0x08, "ł😀"],
    ["UCS-2 of a flash message", encodeText("ł", "ucs2"), 0x18, "ł"],
    ["GSM-7 of a flash message", encodeText("€", "gsm7"), 0xf0, "€"],
    ["GSM-7 of a class", encodeText("€", "gsm7"), 0x10, "€"],
    ["octets of a class", Buffer.from("41", "hex"), 0xf5, "A"],
  ])("in %s is read", (_what, octets, dataCoding, text) => {
    expect(inboundOf(deliver(octets, { esmClass: 0, dataCoding })).text).toBe(text);
  });

  it("of several parts says which it is, by header or parameters (jasmin#1232)", () => {
    const place = { reference: 9, total: 2, number: 2 };
    const withHeader = Buffer.concat([concatenationHeader(place), Buffer.from("end")]);
    expect(inboundOf(deliver(withHeader, { esmClass: 0x40 }))).toMatchObject({ text: "end", part: place });
    const tlvs = new Map([
      [tags.sar_msg_ref_num, numberValue(9, 2)],
      [tags.sar_total_segments, numberValue(2, 1)],
      [tags.sar_segment_seqnum, numberValue(2, 1)],
    ]);
    expect(inboundOf(deliver("end", { esmClass: 0, tlvs }))).toMatchObject({ text: "end", part: place });
    expect(inboundOf(deliver("end", { esmClass: 0 })).part).toBeNull();
  });

  it("keeps its octets as they came", () => {
    expect(JSON.parse(inboundOf(deliver("\x02", { esmClass: 0, dataCoding: 0 })).raw)).toEqual({
      source: "358401234567",
      destination: "Uni",
      esm_class: 0,
      data_coding: 0,
      octets: "02",
    });
  });
});

it("whatever is delivered is read as one or the other, and Postgres can store it", () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const tlvs = fc.array(
    fc.tuple(
      fc.constantFrom(...Object.values(tags)),
      fc.uint8Array({ maxLength: 12 }).map((value) => Buffer.from(value)),
    ),
  );
  fc.assert(
    fc.property(
      octet,
      octet,
      fc.uint8Array({ maxLength: 254 }),
      tlvs,
      fc.boolean(),
      (esmClass, dataCoding, octets, values, receipts_by_text) => {
        const delivery = readDelivery(deliver(octets, { esmClass, dataCoding, tlvs: new Map(values) }), settingsOf({ receipts_by_text }));
        expect(JSON.stringify(delivery)).not.toContain("\\u0000");
      },
    ),
  );
});
