// What a person sees of carriers: rests with their reason, and the rule that is proposed.
import { expect, it } from "vitest";
import type { InstalledCarrier } from "../contracts/carriers.ts";
import { smppSettings } from "../contracts/carriers.ts";
import { renderCarriers } from "./carrier_view.ts";
import { createTerminal } from "./terminal.ts";

const terminal = createTerminal({ write: () => {} }, {});
const telia: InstalledCarrier = {
  ...{ name: "telia", state: "live", simulated: false, senders: [], countries: [], test_phones: [], links: [] },
  settings: smppSettings.parse({ protocol: "smpp", host: "smpp.example", port: 2775, system_id: "oulu" }),
  ...{ rests: null, in_doubt: 0, receipts_waiting: 0, proposed_receipt_ids: null, last_error: null, last_error_at: null },
  ...{ created_at: "2026-12-01T10:00:00.000Z", version: 1 },
};

it("a carrier that rests says until when and why, beside its last error", () => {
  const rests = { until: "2026-12-01T10:05:07.000Z", reason: "the password is wrong" };
  const [, line] = renderCarriers(terminal, [{ ...telia, rests, last_error: "refused" }]);
  expect(line).toContain("rests until 10:05:07 UTC: the password is wrong; refused");
});

it("a rule that is proposed stands below the table with the command that applies it", () => {
  expect(renderCarriers(terminal, [telia])).toHaveLength(2);
  expect(renderCarriers(terminal, [{ ...telia, proposed_receipt_ids: "dec_to_hex" }]).at(-1)).toBe(
    "telia: its receipts match with --receipt-ids dec_to_hex. To apply it: npx bulksms carriers ids telia --receipt-ids dec_to_hex",
  );
});
