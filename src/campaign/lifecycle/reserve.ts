// From `reserving` to `running`, or back to `ready`: asks rpc to hold the campaign's cost. Called
// by the command run and, when that died or rpc was silent, by the sweeper. Both may be at it at
// once: every call is idempotent by the hold's id, every change of state is guarded by it.
import { formatCredits } from "../../contracts/credits.ts";
import { AppError, type ErrorDetails, isAppError } from "../../contracts/errors.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import type { CreditClient } from "../../platform/grpc.ts";
import type { Sql } from "../../platform/postgres.ts";
import { type Campaign, changeStatus, readCampaign } from "./campaign_rows.ts";

export interface ReserveDependencies {
  sql: Sql;
  credit: Pick<CreditClient, "reserveCredit" | "releaseCredit">;
}

export type Reserved =
  /** The credit is held and the campaign runs. */
  | { kind: "running"; campaign: Campaign }
  /** rpc refused; the campaign is `ready` again with `last_error`. */
  | { kind: "refused"; error: AppError }
  /** rpc is silent: nothing is known. */
  | { kind: "silent" }
  /** Somebody else has moved the campaign on meanwhile. */
  | { kind: "elsewhere"; campaign: Campaign | null };

/** Goes on with a campaign in `reserving`. */
export async function reserve(dependencies: ReserveDependencies, campaign: Campaign, deadlineMs: number): Promise<Reserved> {
  const { bulksmsId, workspaceId, holdId } = campaign;
  if (holdId === null) throw new Error(`campaign ${bulksmsId} reserves without a hold`);
  try {
    await dependencies.credit.reserveCredit({ workspaceId, holdId, amountMilli: campaign.parts * campaign.priceMilli }, { deadlineMs });
  } catch (error) {
    if (isSilence(error)) return { kind: "silent" };
    if (!(error instanceof AppError)) throw error;
    return giveBack(dependencies, campaign, holdId, error, deadlineMs);
  }
  reachFailpoint("hold_answered");
  const running = await changeStatus(dependencies.sql, bulksmsId, { from: ["reserving"], to: "running", holdId, lastError: null });
  reachFailpoint("running_committed");
  return running === null ? resolveElsewhere(dependencies, campaign, holdId) : { kind: "running", campaign: running };
}

/**
 * A refusal: the hold is closed forever (a tombstone if it was never there), and only then the
 * campaign may run again with another.
 */
async function giveBack(
  dependencies: ReserveDependencies,
  { bulksmsId, workspaceId }: Campaign,
  holdId: string,
  error: AppError,
  deadlineMs: number,
): Promise<Reserved> {
  reachFailpoint("refusal_answered");
  if ((await release(dependencies, { workspaceId, holdId }, deadlineMs)) === "silent") return { kind: "silent" };
  reachFailpoint("refusal_released");
  const ready = await changeStatus(dependencies.sql, bulksmsId, { from: ["reserving"], to: "ready", holdId, lastError: error.code });
  return ready === null
    ? { kind: "elsewhere", campaign: await readCampaign(dependencies.sql, bulksmsId) }
    : { kind: "refused", error: inCredits(error) };
}

/**
 * The credit is held, but the campaign is not `reserving` with this hold any more. Whoever moved it
 * on to `running` (or beyond) finished our work, and from then on only its end gives the hold back:
 * a campaign that ran and is `canceling` has charges on their way. In any other case nobody will
 * use the hold.
 */
async function resolveElsewhere(
  dependencies: ReserveDependencies,
  { bulksmsId, workspaceId }: Campaign,
  holdId: string,
): Promise<Reserved> {
  const campaign = await readCampaign(dependencies.sql, bulksmsId);
  const isUnused = campaign === null || campaign.holdId !== holdId || !campaign.hasRun;
  if (isUnused) await release(dependencies, { workspaceId, holdId }, releaseDeadlineMs);
  return { kind: "elsewhere", campaign };
}

const releaseDeadlineMs = 2_000;

/**
 * Gives back what the hold has not settled and closes it; a repeat releases 0. `silent`: ask again.
 */
export async function release(
  dependencies: Pick<ReserveDependencies, "credit">,
  hold: { workspaceId: string; holdId: string },
  deadlineMs: number = releaseDeadlineMs,
): Promise<"released" | "silent"> {
  try {
    await dependencies.credit.releaseCredit(hold, { deadlineMs });
    return "released";
  } catch (error) {
    if (isSilence(error)) return "silent";
    // nothing is held for a workspace that ds does not know, nor under an id that rpc takes for
    // none (it knows every id that it has a hold of)
    if (isAppError(error, "workspace_not_found", "request_invalid")) return "released";
    throw error;
  }
}

/** Errors that say nothing of the effect: the call is repeated by the same id. */
const isSilence = (error: unknown) => isAppError(error, "deadline_exceeded", "service_unavailable", "internal", "draining", "overloaded");

/** Amounts cross gRPC as milli-credits; people and programs outside read credits. */
function inCredits(error: AppError): AppError {
  if (error.code !== "insufficient_credit") return error;
  const { needed_milli: needed, available_milli: available } = error.details;
  const details: ErrorDetails = { needed: asCredits(needed), available: asCredits(available) };
  return new AppError("insufficient_credit", `This campaign needs ${details.needed} credits; ${details.available} are available.`, {
    details,
  });
}

const asCredits = (milli: ErrorDetails[string] | undefined): string =>
  typeof milli === "number" || (typeof milli === "string" && /^\d+$/.test(milli)) ? formatCredits(BigInt(milli)) : "unknown";
