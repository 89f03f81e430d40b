// L14: no process ever logs a whole phone number, a key, a secret or a message's text, even at
// level debug while everything goes wrong.
import { settings as settingTable } from "../../../../src/contracts/settings.ts";
import { createFinding } from "../../../../src/laws/law.ts";
import { openPostgres } from "../../../../src/platform/postgres.ts";
import type { LabCluster } from "../../lab_cluster.ts";
import type { OpenWitness } from "../scenario.ts";

/** Shorter ones are words that a log may well contain. */
const secretCharactersMin = 8;
const textCharactersMin = 5;
/**
 * Number of characters shown of an offending line: a reader of the verdict needs to find it, not to
 * keep it.
 */
const shownCharacters = 120;

export const logReader: OpenWitness = async ({ cluster, bulksmsIds }) => {
  const firstEvent = cluster.events.length;
  return {
    async conclude() {
      const startedMs = performance.now();
      const finding = createFinding();
      const { numbers, texts } = await readContent(cluster, bulksmsIds);
      const kept = [...secretsOf(cluster), ...texts];
      for (const event of cluster.events.slice(firstEvent)) {
        if (event.type !== "line") continue;
        finding.compared(1);
        const name = `log of ${event.name}`;
        for (const { what, text } of kept) if (event.line.includes(text)) finding.broken(name, `${what}: ${masked(event.line, text)}`);
        for (const [digits] of event.line.matchAll(/\d{9,15}/g))
          if (numbers.has(digits)) finding.broken(name, `a whole phone number: ${masked(event.line, digits)}`);
      }
      return {
        law: "L14",
        title: "no whole phone number, key, secret or text in any log line",
        form: "settled",
        ...finding.result(),
        durationMs: Math.round(performance.now() - startedMs),
      };
    },
    close: async () => {},
  };
};

const masked = (line: string, found: string) => line.replaceAll(found, "*".repeat(6)).slice(0, shownCharacters);

/** Keys and secrets of the cluster; of a URL, its password. */
function secretsOf(cluster: LabCluster): { what: string; text: string }[] {
  const secrets = [
    { what: "the workspace's key", text: cluster.apiKey },
    { what: "the admin key", text: cluster.adminKey },
  ];
  for (const [name, value] of Object.entries(cluster.settings)) {
    const rule = settingTable[name as keyof typeof settingTable];
    if (!("isSecret" in rule) || rule.isSecret !== true || value === undefined) continue;
    const texts = URL.canParse(value) ? [decodeURIComponent(new URL(value).password)] : value.split(",");
    for (const text of texts) if (text.length >= secretCharactersMin) secrets.push({ what: name, text });
  }
  return secrets;
}

/**
 * The numbers of the run's campaigns, in international and national format, and their texts up to
 * the first placeholder.
 */
async function readContent(cluster: LabCluster, bulksmsIds: readonly string[]) {
  const sql = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  try {
    const rows = await sql<{ msisdn: string }[]>`select msisdn::text from bulksms_info where bulksms_id = any(${bulksmsIds as string[]})`;
    const numbers = new Set(rows.flatMap(({ msisdn }) => (msisdn.startsWith("358") ? [msisdn, `0${msisdn.slice(3)}`] : [msisdn])));
    const campaigns = await sql<{ text: string }[]>`select text from bulksms where id = any(${bulksmsIds as string[]})`;
    const texts = [...new Set(campaigns.map(({ text }) => text.split("{")[0] ?? ""))];
    return { numbers, texts: texts.filter((text) => text.length >= textCharactersMin).map((text) => ({ what: "the text", text })) };
  } finally {
    await sql.end({ timeout: 1 });
  }
}
