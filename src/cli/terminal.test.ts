import { describe, expect, it } from "vitest";
import { alignColumns, createTerminal, formatCount, formatCreditText, formatDuration, visibleLength } from "./terminal.ts";

function createStream(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 100, write: (text: string) => written.push(text), written };
}

describe("numbers for people", () => {
  it("have thousands separators", () => {
    expect([0, 999, 1_000, 31_204, 1_234_567n].map(formatCount)).toEqual(["0", "999", "1,000", "31,204", "1,234,567"]);
    expect(["0.0", "499.9", "1234567.5", "12"].map(formatCreditText)).toEqual(["0.0", "499.9", "1,234,567.5", "12.0"]);
  });

  it("have units of time", () => {
    expect([80, 1_600, 41_200, 99_400, 125_000, 12_000_000].map(formatDuration)).toEqual([
      "0.1 s",
      "1.6 s",
      "41 s",
      "99 s",
      "2 min 05 s",
      "3 h 20 min",
    ]);
  });
});

describe("a terminal", () => {
  it("keeps its live lines at the bottom, whatever is said meanwhile", () => {
    const stream = createStream(true);
    const terminal = createTerminal(stream, {});
    terminal.live(["one", "two"]);
    terminal.line("said");
    terminal.endLive({ keeps: true });
    terminal.line("after");
    expect(stream.written).toEqual(["  one\n  two\n", "\r\u001b[1A\u001b[1A\u001b[0J  said\n  one\n  two\n", "  after\n"]);
  });

  it("is plain in a pipe: no colour, nothing drawn again", () => {
    const stream = createStream(false);
    const terminal = createTerminal(stream, {});
    terminal.live(["one"]);
    terminal.line(terminal.accent("said") + terminal.dim("softly"));
    expect(stream.written).toEqual(["  saidsoftly\n"]);
  });

  it("obeys NO_COLOR, and takes an empty one for none", () => {
    expect(createTerminal(createStream(true), { NO_COLOR: "1" }).accent("x")).toBe("x");
    expect(createTerminal(createStream(true), { NO_COLOR: "" }).accent("x")).toBe("\u001b[36mx\u001b[0m");
  });

  it("aligns columns by what is seen, not by colour codes", () => {
    const accent = createTerminal(createStream(true), {}).accent;
    const lines = alignColumns(
      [
        [accent("L1"), "5", "x"],
        ["L10", "12,000", "y"],
      ],
      [1],
    );
    expect(lines.map(visibleLength)).toEqual([16, 16]);
    expect(lines[1]).toBe("L10   12,000   y");
  });
});
