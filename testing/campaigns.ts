// Campaigns as an end-to-end test drives them: over HTTP, as any client would, and the laws at the
// end.
import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import type { BulksmsAnswer, CreateAnswer } from "../src/contracts/http.ts";
import { type BulksmsStatus, isCampaignIn, type MessageStatus, messageCounts } from "../src/contracts/states.ts";
import type { TopicUpdates } from "../src/contracts/topics.ts";
import { checkLaws, type LawSources, type LawsReport } from "../src/laws/check_laws.ts";
import { type Api, bodyOf, openApi } from "./api_client.ts";
import type { Cluster } from "./cluster.ts";

export const isEnded = (status: string): boolean => isCampaignIn("ended", status as BulksmsStatus);

/**
 * Area codes of North America; with 555 01xx behind them these numbers belong to nobody
 * (simulator/forced_outcomes.ts).
 */
const areaCodes = [
  ...[201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231, 234, 239, 240],
  ...[248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281, 301, 302, 303, 304, 305, 307, 308, 309, 310, 312, 313, 314],
  ...[315, 316, 317, 318, 319, 320, 321, 323, 325, 330, 331, 334, 336, 337, 339, 347, 351, 352, 360, 361, 386, 401, 402, 404, 405],
];

/**
 * Last digits of a number, and how its message ends at the simulated carrier, always. Half of them
 * with a quirk on the way.
 */
const endings = [
  ["10", "delivered"],
  ["11", "delivered"],
  ["12", "delivered"],
  ["13", "delivered"],
  ["32", "undelivered"],
  ["33", "undelivered"],
  ["40", "failed"],
  ["50", "failed"],
] as const;

/** Most contacts that `csvOf` knows. */
export const contactsMax = areaCodes.length * endings.length;

/** A CSV of so many good and different numbers, each with a fixed end. */
export function csvOf(contacts: number): string {
  const rows = Array.from({ length: contacts }, (_, index) => {
    const [digits] = endings[index % endings.length] ?? ["10"];
    return `Student ${index + 1},+1${areaCodes[Math.floor(index / endings.length)]}55501${digits}`;
  });
  return `first_name,phone\n${rows.join("\n")}\n`;
}

/** How a campaign of csvOf(contacts) must end: counts of all states. */
export function expectedEnd(contacts: number): Record<MessageStatus, number> {
  const counts = messageCounts(() => 0);
  for (let index = 0; index < contacts; index += 1) {
    const [, end] = endings[index % endings.length] ?? ["10", "delivered"];
    counts[end] += 1;
  }
  return counts;
}

export async function createCampaign(
  cluster: Cluster,
  csv: string,
  text = "Hello {first_name}",
  salesapiUrl?: string,
  deadlineS?: number,
): Promise<CreateAnswer> {
  const fields = { text, ...(deadlineS === undefined ? {} : { deadline_s: deadlineS }) };
  return bodyOf(await apiOf(cluster, { salesapiUrl }).create(csv, fields));
}

export async function runCampaign(cluster: Cluster, id: string, salesapiUrl?: string): Promise<void> {
  bodyOf(await apiOf(cluster, { salesapiUrl }).command("run", id));
}

export async function readCampaign(cluster: Cluster, id: string, salesapiUrl?: string): Promise<BulksmsAnswer> {
  return bodyOf(await apiOf(cluster, { salesapiUrl, timeoutMs: 5_000 }).campaign(id));
}

/** Resolves with the campaign as it ended. */
export function waitUntilFinished(cluster: Cluster, id: string, limitMs?: number): Promise<BulksmsAnswer> {
  return cluster.waitFor(
    `campaign ${id} to finish`,
    async () => {
      const campaign = await readCampaign(cluster, id);
      const { status, counts, parts_sent, charged, last_error } = campaign;
      // thrown, so that a wait in vain says where the campaign stands
      if (status !== "finished") throw new Error(JSON.stringify({ status, counts, parts_sent, charged, last_error }));
      return campaign;
    },
    limitMs,
  );
}

/**
 * Sum of the samples of one of our metrics (without its prefix) whose labels hold `label`
 * (`outcome="throttled"`); 0 when it has none yet.
 */
export async function readMetric(url: string | undefined, name: string, label = ""): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
  return text
    .split("\n")
    .filter((line) => line.startsWith(`bulksms_${name}{`) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

export async function readCredit(cluster: Cluster, webapiUrl?: string): Promise<TopicUpdates["workspace_credit"]> {
  return bodyOf(await apiOf(cluster, { webapiUrl }).credit(cluster.workspaceId));
}

/** @param credits a decimal string */
export async function topUpCredit(cluster: Cluster, credits: string): Promise<void> {
  bodyOf(await apiOf(cluster, { key: cluster.adminKey }).topUp(cluster.workspaceId, credits));
}

/** Every law, in its settled form, on rows that are there. */
export async function expectAllLawsToHold(cluster: Cluster): Promise<LawsReport> {
  const report = await checkLaws(lawSourcesOf(cluster));
  const broken = report.laws.filter((law) => law.verdict === "broken").map((law) => ({ law: law.law, rows: law.broken }));
  deepEqual(broken, []);
  equal(report.form, "settled");
  equal(report.hasJournal, true);
  ok(report.rowsCompared > 0, "no row was compared");
  return report;
}

export function lawSourcesOf(cluster: Cluster): LawSources {
  return {
    dsUrl: cluster.settings.BULKSMS_CHECK_DS_URL ?? "",
    salesdbUrl: cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "",
    simulatorFolder: cluster.settings.BULKSMS_SIMULATOR_DATA ?? join(cluster.dataFolder, "simulator"),
  };
}

/** Both APIs of a cluster, with the key of its workspace, or as `instead` says. */
export function apiOf(
  { urls, apiKey }: Pick<Cluster, "urls" | "apiKey">,
  instead: { key?: string; webapiUrl?: string | undefined; salesapiUrl?: string | undefined; timeoutMs?: number } = {},
): Api {
  const { key = apiKey, webapiUrl = urls.webapi, salesapiUrl = urls.salesapi, timeoutMs } = instead;
  return openApi({ webapiUrl, salesapiUrl, key, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
}
