// Everyone of a small country: the whole run on the real processes.
import { expect, test, vi } from "vitest";
import { createTerminal } from "../../../src/cli/terminal.ts";
import { runFinland } from "./finland.ts";
import { showFinland } from "./show_finland.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000 });

test("2,000 people get their text, every phase has its time, and all laws hold", async () => {
  const contacts = 2_000;
  const begun: string[] = [];
  const run = await runFinland({ contacts, onBegin: (what) => begun.push(what), onChange: () => {} });
  expect(begun).toEqual(["starting the system", "writing the contacts", "creating the campaign", "sending", "checking the laws"]);
  expect(run.lawsBroken).toEqual([]);
  expect(run.campaign.status).toBe("finished");
  const { delivered, undelivered, failed } = run.campaign.counts;
  expect(delivered + undelivered + failed).toBe(contacts);
  const { submit, receipts, settle } = run.sending;
  for (const seconds of [submit, receipts, settle]) expect(seconds).toBeGreaterThanOrEqual(0);
  // by rows and by clock the same, but for the milliseconds that a Date leaves out
  expect(run.createSeconds + submit + receipts + settle).toBeCloseTo(run.totalSeconds, 2);
  expect(run.diskBytes.send).toBeGreaterThan(0);

  let text = "";
  const stream = { write: (more: string) => (text += more) };
  showFinland(createTerminal(stream, {}), run);
  expect(text.trimEnd().split("\n").at(-1)).toMatch(/^ {2}all 11 laws hold \(/);
});
