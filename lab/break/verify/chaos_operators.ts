// Operators of `verify:chaos`: commands at drawn moments, to campaigns that may be anywhere by
// then, while salesapi may be away.
import { apiOf, isEnded, readCampaign } from "../../../testing/campaigns.ts";
import type { Stage } from "../stage/scenario.ts";

export type CommandName = "pause" | "resume" | "cancel";

const answerMaxMs = 5_000;
const resumeMaxMs = 60_000;
/** Taken, or refused for the campaign's state. */
const rightStatuses = [202, 409];
/**
 * Nobody was there, or somebody who could not reach the database; whether it had an effect is open.
 */
const awayStatuses = [0, 503, 504];

/**
 * @returns whether its effect is open. @throws when it is answered by something that is neither
 * right nor an outage
 */
export async function giveCommand(stage: Stage, name: CommandName, bulksmsId: string): Promise<boolean> {
  const status = await post(stage, name, bulksmsId);
  stage.note(`operator: ${name} ${bulksmsId.slice(-4)}: ${status === 0 ? "no answer" : status}`);
  if (![...rightStatuses, ...awayStatuses].includes(status)) throw new Error(`${name} was answered ${status}`);
  return awayStatuses.includes(status);
}

/**
 * What is paused goes on, so that it ends.
 * @param mayPauseYet campaigns with a pause that nobody answered: it may wait for a lock that a
 * frozen process holds, and come after the resume. They are watched to their end.
 */
export async function resumeAll(stage: Stage, mayPauseYet: ReadonlySet<string>): Promise<void> {
  for (const bulksmsId of stage.bulksmsIds) {
    await stage.cluster.waitFor(
      `campaign ${bulksmsId} to be resumed, or to end after a pause that nobody answered`,
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
