// The original's design (lab/measure/subjects/original) as a subject of the evaluation, with the
// same carrier, profile, seed and receipts as ours.
import { listenToCredit } from "../sampling/credit_listener.ts";
import { type OriginalCampaign, type OriginalSystem, startOriginal } from "../subjects/original/original_system.ts";
import { readTruth } from "../subjects/original/wrong_states.ts";
import { lagsBetween, percentilesOf, type Total } from "../summary/lags.ts";
import type { Subject, SubjectCampaign } from "./subject.ts";

/** Price of one SMS, in credits. */
const price = 0.1;

/** @param speed divides the carrier's delays; `max`: no delays */
export async function startOriginalSubject(speed: string): Promise<Subject> {
  const system = await startOriginal({ speed });
  return {
    name: "original",
    description: "one queue job per receipt, one UPDATE per receipt, one UPDATE of the credit per sent message; receipts in bodies of 100",
    pids: system.pids,
    create: (contacts) => createOriginal(system, contacts),
    stop: system.stop,
  };
}

async function createOriginal(system: OriginalSystem, contacts: number): Promise<SubjectCampaign> {
  const startedAt = performance.now();
  const campaign = await system.create(contacts);
  const createMs = performance.now() - startedAt;
  const credit = await listenToCredit(system.webapiUrl.replace("http", "ws"), { chargedBy: (message) => chargedBy(message, campaign) });
  const answeredBefore = await system.receiptsAnswered();
  const came: Total[] = [];
  const done: Total[] = [];
  return {
    createMs,
    run: () => system.run(campaign),
    untilEnded: (limitMs) => system.untilQuiet(campaign, limitMs),
    async progress() {
      const [queueDepth, answered] = await Promise.all([system.queueDepth(), system.receiptsAnswered()]);
      const receiptsAnswered = answered - answeredBefore;
      const atMs = performance.now();
      came.push({ atMs, total: receiptsAnswered });
      // answered means queued as a job; a waiting job is not in the row yet
      done.push({ atMs, total: Math.max(done.at(-1)?.total ?? 0, receiptsAnswered - queueDepth) });
      return { queueDepth, charged: credit.charged(), receiptsAnswered };
    },
    async conclude() {
      credit.close();
      const { wrongStates, creditOff, example } = await readTruth(system, campaign);
      const wrong = [
        ...(wrongStates > 0 ? [`${wrongStates.toLocaleString("en")} wrong final ${wrongStates === 1 ? "state" : "states"}`] : []),
        ...(creditOff !== 0 ? [`credit off by ${creditOff}`] : []),
      ];
      return {
        isCorrect: wrong.length === 0,
        verdict: wrong.length === 0 ? "no wrong state, credit exact, this time" : wrong.join(", "),
        example,
        latencies: { submit_to_sent: null, receipt_to_commit: percentilesOf(lagsBetween(came, done)), sent_to_credit: null },
      };
    },
  };
}

/** Every client gets the updates of every workspace. */
function chargedBy(message: unknown, campaign: OriginalCampaign): number | null {
  const { workspace_id, credit } = message as { workspace_id: string; credit: string | undefined };
  return workspace_id === campaign.workspaceId && credit !== undefined ? Math.round((campaign.credit - Number(credit)) / price) : null;
}
