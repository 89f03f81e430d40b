// The browser's functions say the same as Node's, so that the console's verdict on a file is the
// import's.
import { describe, expect, test } from "vitest";
import * as node from "../../contacts/csv/csv_text.ts";
import * as browser from "./csv_text.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const encode = (text: string) => new TextEncoder().encode(text);

const texts = ["", "name,phone\n", "Väinö;+358 40\r\n", "\ufeffname\n", "日本語,🙂\n", "\u2028\u0000"];
const notTexts = [bytes(0xe4), bytes(0x41, 0xc3), bytes(0xff, 0xfe), bytes(0xed, 0xa0, 0x80), bytes(0xc0, 0x80)];

describe("bytes and texts", () => {
  test.each(texts)("%j is the same text, byte-order mark and all", (text) => {
    expect([browser.isUtf8(encode(text)), browser.textOf(encode(text))]).toEqual([true, text]);
    expect([node.isUtf8(encode(text)), node.textOf(encode(text))]).toEqual([true, text]);
  });

  test.each(notTexts)("%o is not valid UTF-8", (broken) => {
    expect([browser.isUtf8(broken), node.isUtf8(broken)]).toEqual([false, false]);
  });

  test("one character a byte, with every line break where it was", () => {
    const all = Uint8Array.from({ length: 256 }, (_, value) => value);
    expect(browser.latin1Of(all)).toHaveLength(256);
    for (const at of [10, 13]) expect(browser.latin1Of(all).charAt(at)).toBe(node.latin1Of(all).charAt(at));
  });

  test("memory of the length asked for, whose pieces are views of it", () => {
    for (const { newBytes } of [node, browser]) {
      const memory = newBytes(4);
      memory.set(bytes(1, 2, 3, 4));
      memory.set(memory.subarray(1));
      expect([...memory]).toEqual([2, 3, 4, 4]);
    }
  });
});
