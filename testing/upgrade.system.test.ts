// A data folder that an earlier release wrote, under this one: nothing that it held is lost. The
// fixture is the folder of `bulksms up` at commit 70910a7, stopped with SIGTERM while a campaign
// ran: one campaign of 5 contacts has finished, one has 3 of 5 messages sent and no end yet. Made
// by: tar -c FOLDER, compressed with Brotli (quality 9, window 24). Its PostgreSQL is 18, as this
// release's.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readDataFolderNote, readDataFolderSettings } from "../src/local/data_folder.ts";
import { expectAllLawsToHold, readCampaign, waitUntilFinished } from "./campaigns.ts";
import { type Cluster, startCluster } from "./cluster.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const fixture = join(import.meta.dirname, "fixtures", "data_folder_70910a7.tar.br");
const finishedId = "01a22e52-327d-7240-b4ac-89cd470d157a";
const unfinishedId = "01a22e52-81fe-79fe-ad51-ff1ff297d019";
const simulatorKey = "Emzmusx1MD67ASAvGFOCIDbL9V3wWviv";

let folder: string;
let cluster: Cluster;

beforeAll(async () => {
  const parent = mkdtempSync(join(tmpdir(), "bulksms-upgrade-"));
  // under root the servers run as another user, who must get to their files
  chmodSync(parent, 0o711);
  const unpacked = spawnSync("tar", ["-x", "-C", parent], { input: brotliDecompressSync(readFileSync(fixture)) });
  if (unpacked.status !== 0) throw new Error(`the fixture could not be unpacked: ${unpacked.stderr}`);
  folder = join(parent, "folder");
});
afterAll(() => cluster?.stop());

test("before the first start the settings of the earlier release are read under their new names", () => {
  const settings = readDataFolderSettings(folder);
  expect(settings.BULKSMS_SIMULATOR_KEY).toBe(simulatorKey);
  expect(Object.keys(settings).filter((name) => name.includes("CARRIER"))).toEqual([]);
});

test("the unfinished campaign comes to its end, and every law holds over the journal that was taken over", async () => {
  cluster = await startCluster({ dataFolder: folder });
  expect(existsSync(join(folder, "carrier"))).toBe(false);
  expect(cluster.settings.BULKSMS_SIMULATOR_DATA).toBe(join(folder, "simulator"));
  expect(cluster.settings.BULKSMS_SIMULATOR_KEY).toBe(simulatorKey);
  expect(cluster.apiKey).toBe(readDataFolderNote(folder, "api_key"));

  await waitUntilFinished(cluster, unfinishedId);
  expect((await readCampaign(cluster, finishedId)).status).toBe("finished");
  await expectAllLawsToHold(cluster);
});

test("what was imported before lines and cells were kept is followed up all the same", async () => {
  const download = async (name: string) => {
    const headers = { authorization: `Bearer ${cluster.apiKey}` };
    const answer = await fetch(`${cluster.urls.salesapi}/bulksms/${finishedId}/${name}.csv`, { headers });
    return (await answer.text()).split("\r\n");
  };
  const [header, first] = await download("report");
  expect(header).toBe("line,row_no,msisdn,status,reason,parts,error_code,sent_at,done_at");
  expect(first).toMatch(/^,1,"=""\+\d+""",[a-z]+,/);
  expect((await download("rejects"))[0]).toBe("line,reason,value");
});
