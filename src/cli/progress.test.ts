import { describe, expect, it } from "vitest";
import { messageCounts } from "../contracts/states.ts";
import type { CampaignState } from "./campaign_watch.ts";
import { createProgress, renderProgress } from "./progress.ts";
import { createTerminal, type Terminal, visibleLength } from "./terminal.ts";

function stateWith(counts: Partial<CampaignState["counts"]>, more: Partial<CampaignState> = {}): CampaignState {
  const all = { ...messageCounts(() => 0), ...counts };
  return {
    status: "running",
    contacts: 4_810,
    parts: 4_942,
    partsSent: 0,
    counts: all,
    unconfirmed: 0,
    lastError: null,
    credit: "634.2",
    silent: null,
    ...more,
  };
}

function terminalOf(columns: number, isTTY = true): { terminal: Terminal; written: string[] } {
  const written: string[] = [];
  return { written, terminal: createTerminal({ isTTY, columns, write: (text) => written.push(text) }, { NO_COLOR: "1" }) };
}

/**
 * What stands on a terminal that breaks lines at its width, and breaks them anew when that changes.
 */
function createScreen(width: number) {
  let lines: string[] = [""];
  let at = 0;
  const screen = {
    isTTY: true,
    columns: width,
    resize(columns: number) {
      const above = lines.slice(0, at).flatMap((line) => split(line, columns));
      lines = [...above, ...lines.slice(at)];
      at = above.length;
      screen.columns = columns;
    },
    write(text: string) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves a cursor begins with ESC
      for (const [piece] of text.matchAll(/\u001b\[1A|\u001b\[0J|\r|\n|[^\r\n\u001b]+/g)) {
        if (piece === "\u001b[1A") at = Math.max(0, at - 1);
        else if (piece === "\u001b[0J") lines = [...lines.slice(0, at), ""];
        else if (piece === "\n") lines[++at] ??= "";
        else if (piece !== "\r") {
          const rows = split(piece, screen.columns);
          lines.splice(at, 1, ...rows);
          at += rows.length - 1;
        }
      }
    },
    rows: () => lines.filter((line) => line !== ""),
  };
  return screen;
}

const split = (line: string, columns: number): string[] => line.match(new RegExp(`.{1,${columns}}`, "g")) ?? [""];

describe("the progress of a campaign", () => {
  const state = stateWith({ delivered: 3_611, sent: 140, undelivered: 102, failed: 39 });
  const pace = { perSecond: 122.4, leftMs: 10_900 };

  it("is one line where it fits, with bar, states, credit, rate and time left", () => {
    const lines = renderProgress(terminalOf(150).terminal, state, pace);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^━+╸?─+ {2}78 % {3}delivered 3,611 {2}sent {3}140 {2}undelivered {3}102 {2}failed {4}39 {3}credit {3}634.2 {5}122\/s {3}11 s left$/,
    );
  });

  it.each([24, 40, 60, 80, 100, 150])("never breaks a line of %i columns, nor changes its width as numbers grow", (columns) => {
    const { terminal } = terminalOf(columns);
    const early = renderProgress(terminal, stateWith({ sent: 3 }), { perSecond: 3, leftMs: 99_000 });
    const late = renderProgress(terminal, state, pace);
    expect(late.map(visibleLength)).toEqual(early.map(visibleLength));
    for (const line of late) expect(visibleLength(line) + 2).toBeLessThan(columns);
  });

  it("leaves no line behind in a narrow terminal, nor in one that becomes narrow", () => {
    const screen = createScreen(60);
    const terminal = createTerminal(screen, { NO_COLOR: "1" });
    terminal.line("before");
    let nowMs = 0;
    const progress = createProgress(terminal, { nowMs: () => nowMs, endsAtMs: null });
    for (nowMs = 0; nowMs < 3_000; nowMs += 500) progress.show(stateWith({ delivered: nowMs, sent: 40 }));
    screen.resize(38);
    for (nowMs = 3_000; nowMs < 4_800; nowMs += 500) progress.show(stateWith({ delivered: nowMs, sent: 40 }));
    progress.show(stateWith({ delivered: 4_000, sent: 9 }, { silent: `http://127.0.0.1:8002/${"x".repeat(200)} does not answer.` }));
    progress.end();
    terminal.line("after");
    const rows = screen.rows();
    expect([rows[0], rows.at(-1)]).toEqual(["  before", "  after"]);
    expect(rows.filter((row) => /[━─]/.test(row))).toHaveLength(1);
    expect(rows.filter((row) => /\bdelivered/.test(row))).toHaveLength(1);
  });

  it("says what it waits for", () => {
    const last = (more: Partial<CampaignState>) => renderProgress(terminalOf(150).terminal, stateWith({ sent: 3 }, more), pace).join();
    expect(last({ status: "reserving" })).toContain("reserving credit");
    expect(last({ status: "paused", lastError: "carrier refused the body" })).toContain("paused: carrier refused the body");
    expect(last({ silent: "http://127.0.0.1:8002 does not answer." })).toContain("waiting: http://127.0.0.1:8002 does not answer.");
  });

  it("says that only silent phones are left, when nothing moves and nobody knows for how long", () => {
    const draw = (counts: Partial<CampaignState["counts"]>, perSecond: number) =>
      renderProgress(terminalOf(150).terminal, stateWith(counts), { perSecond, leftMs: null }).join();
    expect(draw({ delivered: 4_800, sent: 10 }, 0)).toContain("waiting for silent phones");
    expect(draw({ delivered: 4_800, sent: 10 }, 2)).not.toContain("silent");
    expect(draw({ pending: 4_810 }, 0)).not.toContain("silent");
  });

  it("is one plain line every five seconds in a pipe, and one at the end", () => {
    const { terminal, written } = terminalOf(100, false);
    let nowMs = 0;
    const progress = createProgress(terminal, { nowMs: () => nowMs, endsAtMs: null });
    for (nowMs = 0; nowMs <= 10_500; nowMs += 100) progress.show(stateWith({ delivered: nowMs / 10, sent: 1 }));
    progress.show(stateWith({ delivered: 4_810 }, { status: "finished" }));
    progress.end();
    expect(written.map((line) => line.slice(0, 17))).toEqual([
      "    0 s     0 %  ",
      "    5 s    10 %  ",
      "   10 s    20 %  ",
      "   11 s   100 %  ",
    ]);
    expect(written[2]).toContain("100/s");
    expect(written[2]).toContain("39 s left");
    expect(written.join("")).not.toContain("\u001b");
  });
});
