// Operators of `verify:chaos`: commands at drawn moments, to campaigns that may be anywhere by
// then, while salesapi may be away.
import { apiOf, isEnded, readCampaign } from "../../../testing/campaigns.ts";
import type { Stage } from "../stage/scenario.ts";

export type CommandName = "pause" | "resume" | "cancel";

const answerMaxMs = 5_000;
const resumeMaxMs = 60_000;
/** Accepted, or refused for the campaign's state. */
const rightStatuses = [202, 409];
/**
 * No answer, or an answer from a process that could not reach the database; whether it took effect
 * is open.
 */
const awayStatuses = [0, 503, 504];

/**
 * @returns whether its effect is open.
 * @throws when the answer is neither a correct one nor an outage
 */
export async function giveCommand(stage: Stage, name: CommandName, bulksmsId: string): Promise<boolean> {
  const status = await post(stage, name, bulksmsId);
  stage.note(`operator: ${name} ${bulksmsId.slice(-4)}: ${status === 0 ? "no answer" : status}`);
  if (![...rightStatuses, ...awayStatuses].includes(status)) throw new Error(`${name} was answered ${status}`);
  return awayStatuses.includes(status);
}

/**
 * Resumes every paused campaign, so that it ends.
 * @param mayPauseYet campaigns with a pause that got no answer: it may wait for a lock that a
 * frozen process holds, and take effect after the resume. They are watched to their end.
 */
export async function resumeAll(stage: Stage, mayPauseYet: ReadonlySet<string>): Promise<void> {
  for (const bulksmsId of stage.bulksmsIds) {
    await stage.cluster.waitFor(
      `campaign ${bulksmsId} to be resumed, or to end after a pause that got no answer`,
      async () => {
        const { status } = await readCampaign(stage.cluster, bulksmsId);
        if (status === "paused") await post(stage, "resume", bulksmsId);
        return mayPauseYet.has(bulksmsId) ? isEnded(status) : status !== "paused";
      },
      resumeMaxMs,
    );
  }
}

/** @returns the HTTP status; 0: no answer */
async function post({ cluster }: Stage, name: CommandName, bulksmsId: string): Promise<number> {
  try {
    return (await apiOf(cluster, { timeoutMs: answerMaxMs }).command(name, bulksmsId)).status;
  } catch {
    return 0;
  }
}
