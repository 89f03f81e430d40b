import { describe, expect, it } from "vitest";
import { cutToWidth, displayWidth, shownLines, shownName, shownValue } from "./shown_text.ts";

describe("names in a terminal", () => {
  it("lose what is unseen and what moves or turns a line", () => {
    expect(shownName("\u202egnp.exe")).toBe("gnp.exe");
    expect(shownName("a\u001b[31mb\u0007\u200bc\u2066d\u00ade\ufefff\ud800g")).toBe("a[31mbcdefg");
    expect(shownName(" two\r\nlines\tand\u2028more ")).toBe("two lines and more");
  });

  it("hold no control, format or unpaired character, whatever code point comes", () => {
    const escaped: string[] = [];
    for (let code = 0; code <= 0x10ffff; code += code < 0x3000 || (code >= 0xd700 && code < 0xe100) || code > 0xe0000 ? 1 : 257) {
      const name = shownName(`a${String.fromCodePoint(code)}b`);
      if (/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u.test(name)) escaped.push(code.toString(16));
    }
    expect(escaped).toEqual([]);
  });

  it("are cut by their width, and never within a character", () => {
    expect(cutToWidth("abcdef", 6)).toBe("abcdef");
    expect(cutToWidth("abcdefg", 6)).toBe("abcde…");
    expect(cutToWidth("😀".repeat(50), 32)).toBe(`${"😀".repeat(15)}…`);
    expect(cutToWidth("日本語のとても", 8)).toBe("日本語…");
    expect(cutToWidth("e\u0301".repeat(9), 5)).toBe(`${"e\u0301".repeat(4)}…`);
    for (const text of ["日本a語".repeat(9), "👩‍👩‍👧".repeat(9), "e\u0301x".repeat(9)])
      for (let columns = 1; columns < 30; columns++) {
        const cut = cutToWidth(text, columns);
        expect(displayWidth(cut)).toBeLessThanOrEqual(columns);
        expect(cut.isWellFormed()).toBe(true);
      }
  });

  it("take two columns for wide characters and emoji, none for marks", () => {
    expect(["abc", "日本語", "😀", "e\u0301", "ｱｲ", "ＡＢ", "한글", "☎️", "Ж"].map(displayWidth)).toEqual([3, 6, 2, 1, 2, 4, 4, 2, 1]);
  });

  it("show an unseen character of a cell by its code point", () => {
    expect(shownValue("040\u200b123\u202e\u0000")).toBe("040U+200B123U+202EU+0000");
    expect(shownLines("one\u001b[2J\n\ttwo\u200d")).toBe("oneU+001B[2J\n  twoU+200D");
  });
});
