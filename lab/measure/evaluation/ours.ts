// Our system as a subject of the evaluation.
import { checkLaws } from "../../../src/laws/check_laws.ts";
import { openQueue } from "../../../src/platform/queue.ts";
import { lawSourcesOf } from "../../../testing/campaigns.ts";
import type { Cluster } from "../../../testing/cluster.ts";
import { listenToOurCredit, minus, readReceiptBuckets, readSent, readSubmitToSent } from "../sampling/our_latencies.ts";
import { openContactFiles } from "../subjects/contact_files.ts";
import { type OurSystem, startOurs } from "../subjects/ours.ts";
import { lagsBetween, percentilesOf, percentilesOfHistogram } from "../summary/lags.ts";
import type { Conclusion, Subject, SubjectCampaign } from "./subject.ts";

/** Each message has a text of its own. */
const text = "Hello {first_name}";
const statisticsTimeoutMs = 5_000;

/** @param speed divides the simulator's delays; `max`: no delays */
export async function startOurSubject(speed: string): Promise<Subject> {
  const system = await startOurs({ speed });
  const files = openContactFiles();
  const { settings } = system.cluster;
  const redis = { redisUrl: settings.BULKSMS_REDIS_URL ?? "", namespace: settings.BULKSMS_REDIS_NAMESPACE ?? "bulksms" };
  const queues = [openQueue("sales", redis), openQueue("general", redis)];
  const queueDepth = async (): Promise<number> => {
    const counts = await Promise.all(queues.map((queue) => queue.counts()));
    return counts.reduce((sum, { waiting = 0, active = 0, delayed = 0 }) => sum + waiting + active + delayed, 0);
  };
  return {
    name: "ours",
    description: "six processes, receipts in bodies of 100, group commit, charges settled in batches under a hold",
    pids: system.pids,
    create: (contacts) => createOurs(system, files.of(contacts), queueDepth),
    async stop() {
      await Promise.all(queues.map((queue) => queue.close()));
      await system.stop();
      files.remove();
    },
  };
}

async function createOurs(system: OurSystem, file: string, queueDepth: () => Promise<number>): Promise<SubjectCampaign> {
  const { cluster, check } = system;
  const created = await system.create(file, { text });
  if (created.rejected > 0) throw new Error(`${created.rejected} of the evaluation's own numbers were rejected`);
  const credit = await listenToOurCredit(cluster);
  const before = await Promise.all([readReceiptBuckets(cluster), readAnswered(cluster)]);
  return {
    createMs: created.seconds * 1_000,
    run: async () => void (await system.begin(created.id)),
    untilEnded: async (limitMs) => void (await system.untilFinished(created, { limitMs })),
    progress: async () => ({
      queueDepth: await queueDepth(),
      charged: credit.charged(),
      receiptsAnswered: (await readAnswered(cluster)) - before[1],
    }),
    async conclude(): Promise<Conclusion> {
      const report = await checkLaws(lawSourcesOf(cluster));
      credit.close();
      const sent = await readSent(check, created.id);
      const broken = report.laws.find(({ verdict }) => verdict === "broken");
      const [brokenRow] = broken?.broken ?? [];
      const laws = `all ${report.laws.length} laws hold, ${report.rowsCompared.toLocaleString("en")} rows compared`;
      return {
        isCorrect: report.brokenLaws === 0,
        verdict: report.brokenLaws === 0 ? laws : `${report.brokenLaws} of ${report.laws.length} laws broken`,
        example: broken === undefined ? null : `${broken.law}: ${brokenRow?.row ?? ""} ${brokenRow?.description ?? ""}`,
        latencies: {
          submit_to_sent: await readSubmitToSent(check, created.id),
          receipt_to_commit: percentilesOfHistogram(minus(await readReceiptBuckets(cluster), before[0])),
          sent_to_credit: percentilesOf(lagsBetween(sent, credit.heard)),
        },
      };
    },
  };
}

async function readAnswered(cluster: Cluster): Promise<number> {
  const response = await fetch(`${cluster.urls.simulator}/statistics`, {
    headers: { authorization: `Bearer ${cluster.settings.BULKSMS_SIMULATOR_KEY}` },
    signal: AbortSignal.timeout(statisticsTimeoutMs),
  });
  const { receipts_answered } = (await response.json()) as { receipts_answered: number };
  return receipts_answered;
}
