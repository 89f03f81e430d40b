import { describe, expect, it } from "vitest";
import type { BulksmsAnswer } from "../contracts/http.ts";
import { importEndNames, importEnds } from "../contracts/import_ends.ts";
import { messageCounts } from "../contracts/states.ts";
import { endedStates } from "./shown_states.ts";
import { displayWidth } from "./shown_text.ts";
import { renderCampaign, renderTable } from "./status.ts";
import { createTerminal } from "./terminal.ts";

const terminal = createTerminal({ write: () => {} }, {});

function campaignNamed(name: string): BulksmsAnswer {
  const counts = messageCounts(() => 0);
  const money = { price: "0.1", cost: "0.5", charged: "0.0", carrier: { name: "simulator", simulated: true } };
  const times = { created_at: "2026-05-11T08:00:00.000Z", started_at: null, ended_at: null };
  const file = { contacts: 5, rejected: 0, rejects: {}, parts: 5, parts_sent: 0 };
  const id = "0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f";
  const fixed = { sender: "bulksms", text: "Hi", country: "FI", status: "ready", last_error: null, hold_id: null } as const;
  return { id, kind: "campaign", name, ...fixed, ...file, ...money, ...times, counts, unconfirmed: 0, deadline_s: 60, version: 1 };
}

describe("a campaign whose file was not read to its end", () => {
  const shown = (changes: Partial<BulksmsAnswer>) => renderCampaign(terminal, { ...campaignNamed("people"), ...changes }).join("\n");

  it("says why, that nothing is kept, and how to send it again", () => {
    for (const code of importEndNames) {
      const lines = shown({ status: "import_failed", last_error: code });
      expect(lines).toContain(`import_failed, ${code}: ${importEnds[code]}`);
      expect(lines).toMatch(/no credit is held/);
      expect(lines).toContain("npx bulksms send FILE");
    }
  });

  it("and was refused has its code alone: the same file would be refused again", () => {
    const lines = shown({ status: "import_failed", last_error: "csv_nul" });
    expect(lines).toContain("import_failed, last error: csv_nul");
    expect(lines).not.toContain("again");
  });
});

it("a campaign's unconfirmed messages are none of those that expired", () => {
  const counts = messageCounts((status) => (status === "expired" ? 5 : 0));
  const lines = renderCampaign(terminal, { ...campaignNamed("people"), counts, unconfirmed: 3 });
  expect(lines.filter((line) => /^(expired|sent, unconfirmed) /.test(line)).map((line) => line.replace(/ +/g, " "))).toEqual([
    "expired 2",
    "sent, unconfirmed 3",
  ]);
  expect(endedStates({ counts, unconfirmed: 3 })).toEqual([
    ["delivered", 0],
    ["unconfirmed", 3],
    ["expired", 2],
  ]);
});

describe("the table of campaigns", () => {
  const names = [
    "plain",
    "😀".repeat(60),
    "\u202egnp.exe",
    "日本語のとても長いキャンペーン名前",
    "a\u001b[2J\tb\u200b",
    "e\u0301".repeat(50),
  ];
  const [head, ...rows] = renderTable(terminal, names.map(campaignNamed)) as [string, ...string[]];

  it("keeps its columns in line, whatever the names are made of", () => {
    const statusAt = displayWidth(head.slice(0, head.indexOf("status")));
    for (const row of rows) expect(displayWidth(row.slice(0, row.lastIndexOf("ready")))).toBe(statusAt);
  });

  it("cuts no character in half, and lets nothing turn or move the row", () => {
    expect(rows[1]).toContain(`${"😀".repeat(15)}…`);
    for (const row of rows) {
      expect(row.isWellFormed()).toBe(true);
      expect(row).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });
});
