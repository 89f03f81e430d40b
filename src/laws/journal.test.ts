// The simulator's folder as the laws read it: which batches are those of accounts.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestSimulator } from "../../testing/simulator_node.ts";
import { openSmppClient } from "../../testing/smpp_client.ts";
import { accountsFile } from "../contracts/simulator_accounts.ts";
import { journalBits, listJournal, readAccountBatches, readSegment } from "./journal.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bulksms-laws-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a folder without accounts has none, and one whose file is something else is not read past it", async () => {
  expect(await readAccountBatches(folder)).toEqual(new Set());
  writeFileSync(join(folder, accountsFile), "something else\n");
  await expect(readAccountBatches(folder)).rejects.toThrow();
});

test("what a client of another dialect submitted is the batch of its account, and can be read as any other", async () => {
  const simulator = await startTestSimulator();
  const client = await openSmppClient(simulator.smppPort);
  try {
    await client.bind("transceiver", "oulu", "secret");
    await Promise.all(Array.from({ length: 5 }, () => client.submit()));
    const listing = await listJournal(simulator.folder);
    const accounts = await readAccountBatches(simulator.folder);
    expect([...(listing?.keys() ?? [])]).toEqual([...accounts]);
    const [batchId = ""] = accounts;
    const { after } = await readSegment(simulator.folder, batchId, 0, 0);
    expect([...(after?.bits ?? [])].filter((bits) => (bits & journalBits.accepted) !== 0)).toHaveLength(5);
  } finally {
    client.cut();
    await simulator.stop();
  }
});
