import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { septetsOf } from "./encodings.ts";
import { alphabetFor, decodeText, encodeText } from "./text_octets.ts";

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

describe("GSM-7", () => {
  it("is one septet per octet, with an escape before the extension table", () => {
    expect(hex(encodeText("Hello @ €", "gsm7"))).toBe("48656c6c6f2000201b65");
    expect(hex(encodeText("Æßé\u00c9 {}", "gsm7"))).toBe("1c1e051f201b281b29");
    expect(hex(encodeText("^\\[~]|\f", "gsm7"))).toBe("1b141b2f1b3c1b3d1b3e1b401b0a");
  });

  it("has as many octets for each character as it costs septets, and none for what it lacks", () => {
    const roundTrip = (text: string): string | number => {
      try {
        const octets = encodeText(text, "gsm7");
        return decodeText(octets, "gsm7") === text ? octets.length : "another text";
      } catch (error) {
        return error instanceof RangeError ? 0 : "another error";
      }
    };
    const codes = Array.from({ length: 0x10000 }, (_, code) => code);
    expect(codes.filter((code) => roundTrip(String.fromCharCode(code)) !== septetsOf(code))).toEqual([]);
  });

  it("from a carrier that sends anything is shown as well as can be", () => {
    expect(decodeText(Uint8Array.of(0x1b, 0x41, 0x1b, 0x1b, 0xfc, 0x1b), "gsm7")).toBe("A \ufffd");
  });
});

describe("other alphabets", () => {
  it("are octets of U+0000 to U+00FF, and units with the high octet first", () => {
    expect(hex(encodeText("ü[é", "latin1"))).toBe("fc5be9");
    expect(hex(encodeText("ł😀", "ucs2"))).toBe("0142d83dde00");
    expect(() => encodeText("€", "latin1")).toThrow(RangeError);
  });

  it("read back as what was written, whatever it was", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void expect(decodeText(encodeText(text, "ucs2"), "ucs2")).toBe(text)));
    fc.assert(
      fc.property(fc.uint8Array(), (octets) => {
        expect(encodeText(decodeText(octets, "latin1"), "latin1")).toEqual(octets);
        for (const alphabet of ["gsm7", "ucs2"] as const) expect(typeof decodeText(octets, alphabet)).toBe("string");
      }),
    );
    expect(decodeText(Uint8Array.of(0, 65, 0), "ucs2")).toBe("A\ufffd");
  });

  it("of Latin-1 by default take what the octet 0xFC stands for (ksmppd#50)", () => {
    expect(alphabetFor("Grüße", "latin1")).toBe("latin1");
    expect(hex(encodeText("ü", "latin1"))).toBe("fc");
    expect(alphabetFor("Grüße", "gsm7")).toBe("gsm7");
    expect([alphabetFor("5 €", "latin1"), alphabetFor("5 €", "gsm7"), alphabetFor("garçon", "latin1")]).toEqual(["ucs2", "gsm7", "ucs2"]);
  });
});
