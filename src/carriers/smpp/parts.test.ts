import { describe, expect, it } from "vitest";
import { carrierMessage } from "../../../testing/link_watch.ts";
import { smppSettings } from "../../contracts/carriers.ts";
import { tags } from "../../protocols/smpp/constants.ts";
import { tlvNumber } from "../../protocols/smpp/octets.ts";
import { countParts } from "../../sms/parts.ts";
import { contentOf, senderAddress, submitPdu } from "./parts.ts";

const settingsOf = (fields: object = {}) =>
  smppSettings.parse({ protocol: "smpp", host: "127.0.0.1", port: 2775, system_id: "uni", ...fields });
const nowMs = Date.UTC(2026, 10, 30, 12);

function pdusOf(text: string, fields: object = {}, reference = 7) {
  const settings = settingsOf(fields);
  const message = carrierMessage(1, { text, validUntilMs: nowMs + 3_661_000 });
  const content = contentOf(text, settings, reference);
  return content.parts.map((part) => submitPdu(message, content, part, settings, nowMs));
}

describe("a message", () => {
  it("goes from a name to an international number, asks for its receipt, and has its validity", () => {
    expect(pdusOf("Hello @ €")).toEqual([
      expect.objectContaining({
        command: "submit_sm",
        source: { ton: 5, npi: 0, digits: "Uni" },
        destination: { ton: 1, npi: 1, digits: "358400000001" },
        registeredDelivery: 1,
        esmClass: 0,
        dataCoding: 0,
        validity: "000000010101000R",
        shortMessage: Buffer.from("48656c6c6f2000201b65", "hex"),
        tlvs: null,
      }),
    ]);
    expect(pdusOf("a", { receipts: "none" })[0]?.registeredDelivery).toBe(0);
  });

  it("has its validity in the form that the carrier takes (jasmin#1179), or none (ksmppd#73)", () => {
    expect(["absolute", "none"].map((validity) => pdusOf("a", { validity })[0]?.validity)).toEqual(["261130130101000+", ""]);
  });

  it("in Latin-1 keeps its octets under data_coding 0 or what the carrier wants (ksmppd#50)", () => {
    expect(pdusOf("ü", { alphabet: "latin1" })[0]).toMatchObject({ dataCoding: 0, shortMessage: Buffer.from("fc", "hex") });
    expect(pdusOf("ü", { alphabet: "latin1", data_coding: 3 })[0]?.dataCoding).toBe(3);
    expect(pdusOf("ł", { alphabet: "latin1", data_coding: 3 })[0]).toMatchObject({
      dataCoding: 8,
      shortMessage: Buffer.from("0142", "hex"),
    });
  });

  const long = `${"a".repeat(152)}€${"b".repeat(100)}`;

  it("of several parts begins each with its header, and cuts no escape pair", () => {
    const [first, second] = pdusOf(long);
    expect([first?.esmClass, second?.esmClass]).toEqual([0x40, 0x40]);
    expect(first?.shortMessage.toString("latin1")).toBe(`\x05\x00\x03\x07\x02\x01${"a".repeat(152)}`);
    expect(second?.shortMessage.toString("latin1")).toBe(`\x05\x00\x03\x07\x02\x02\x1be${"b".repeat(100)}`);
    expect(pdusOf("😀".repeat(40)).map(({ shortMessage }) => shortMessage.length)).toEqual([6 + 33 * 4, 6 + 7 * 4]);
  });

  it("of several parts names them in parameters, for carriers that make the header themselves", () => {
    const places = pdusOf(long, { long_text: "sar" }, 0x1_2345).map(({ tlvs, esmClass }) => [
      esmClass,
      tlvNumber(tlvs, tags.sar_msg_ref_num),
      tlvNumber(tlvs, tags.sar_total_segments),
      tlvNumber(tlvs, tags.sar_segment_seqnum),
    ]);
    expect(places).toEqual([
      [0, 0x2345, 2, 1],
      [0, 0x2345, 2, 2],
    ]);
  });

  it("of several parts is one PDU with a payload, for carriers that cut it themselves", () => {
    const pdus = pdusOf(long, { long_text: "payload" });
    expect(pdus).toHaveLength(1);
    expect(pdus[0]?.shortMessage).toHaveLength(0);
    expect(pdus[0]?.tlvs?.get(tags.message_payload)?.toString("latin1")).toBe(`${"a".repeat(152)}\x1be${"b".repeat(100)}`);
  });

  it("has as many PDUs as are charged, however long it is", () => {
    for (const length of [0, 1, 160, 161, 306, 307, 2_000]) {
      for (const character of ["a", "€", "ł", "😀"]) {
        const text = character.repeat(length / character.length);
        for (const long_text of ["udh", "sar"]) expect(pdusOf(text, { long_text })).toHaveLength(Math.max(1, countParts(text)));
      }
    }
  });
});

it("a sender is a name, a short code or a phone", () => {
  expect(["Uni", "12345", "+358401234567", "358401234567", "a1"].map((sender) => senderAddress(sender, 3))).toEqual([
    { ton: 5, npi: 0, digits: "Uni" },
    { ton: 3, npi: 0, digits: "12345" },
    { ton: 1, npi: 1, digits: "358401234567" },
    { ton: 1, npi: 1, digits: "358401234567" },
    { ton: 5, npi: 0, digits: "a1" },
  ]);
  expect(senderAddress("12345", 6).ton).toBe(6);
});
