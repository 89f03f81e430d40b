// From `reserving` to `running`, or back to `ready`: calls rpc to hold the campaign's cost. Called
// by the command run and, if that died or rpc did not answer, by the sweeper. Both may run at once:
// every call is idempotent by the hold's id, and every change of state is guarded by it.
import { formatCredits } from "../../contracts/credits.ts";
import { AppError, type ErrorDetails, isAppError } from "../../contracts/errors.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import type { CreditClient } from "../../platform/grpc.ts";
import { inTransaction, type Sql } from "../../platform/postgres.ts";
import { freeKey } from "../import/idempotency.ts";
import { type Campaign, changeStatus, readCampaign } from "./campaign_rows.ts";

/**
 * The deadline for rpc within a request; after that the answer is 202 `reserving`, and the sweeper
 * takes over.
 */
export const reserveDeadlineMs = 1_500;

export interface ReserveDependencies {
  sql: Sql;
  credit: Pick<CreditClient, "reserveCredit" | "releaseCredit">;
}

export type Reserved =
  /** The credit is held and the campaign runs. */
  | { kind: "running"; campaign: Campaign }
  /**
   * rpc refused; the campaign is `ready` again with `last_error`. A single text is `canceling`
   * instead, because nobody would run it again.
   */
  | { kind: "refused"; campaign: Campaign; error: AppError }
  /** rpc did not answer: the outcome is unknown. */
  | { kind: "silent" }
  /** Somebody else has moved the campaign on in the meantime. */
  | { kind: "elsewhere"; campaign: Campaign | null };

/** Continues a campaign in `reserving`. */
export async function reserve(dependencies: ReserveDependencies, campaign: Campaign, deadlineMs: number): Promise<Reserved> {
  const { bulksmsId, workspaceId, holdId } = campaign;
  if (holdId === null) throw new Error(`campaign ${bulksmsId} reserves without a hold`);
  try {
    await dependencies.credit.reserveCredit({ workspaceId, holdId, amountMilli: campaign.costMilli }, { deadlineMs });
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
 * After a refusal: the hold is closed forever (as a tombstone if it never existed), and only then
 * may the campaign run again with another one.
 */
async function giveBack(
  dependencies: ReserveDependencies,
  campaign: Campaign,
  holdId: string,
  error: AppError,
  deadlineMs: number,
): Promise<Reserved> {
  const { bulksmsId, workspaceId } = campaign;
  reachFailpoint("refusal_answered");
  if ((await release(dependencies, { workspaceId, holdId }, deadlineMs)) === "silent") return { kind: "silent" };
  reachFailpoint("refusal_released");
  const given = campaign.isMessage
    ? await withdraw(dependencies.sql, campaign, holdId, error.code)
    : await changeStatus(dependencies.sql, bulksmsId, { from: ["reserving"], to: "ready", holdId, lastError: error.code });
  return given === null
    ? { kind: "elsewhere", campaign: await readCampaign(dependencies.sql, bulksmsId) }
    : { kind: "refused", campaign: given, error: inCredits(error) };
}

/**
 * A refused text is never sent: its messages end as `canceled`, and the same request may be made
 * again under the same Idempotency-Key, in the same transaction.
 */
async function withdraw(sql: Sql, { bulksmsId, workspaceId }: Campaign, holdId: string, lastError: string): Promise<Campaign | null> {
  return inTransaction(sql, async (transaction) => {
    const canceling = await changeStatus(transaction, bulksmsId, { from: ["reserving"], to: "canceling", holdId, lastError });
    if (canceling !== null) await freeKey(transaction, workspaceId, bulksmsId);
    return canceling;
  });
}

/**
 * The credit is held, but the campaign is no longer `reserving` with this hold. If somebody moved
 * it on to `running` or beyond, our work is done, and from then on only the campaign's end releases
 * the hold: a campaign that ran and is `canceling` has charges on their way. In any other case
 * nobody will use the hold.
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
 * Releases what the hold has not settled and closes it; a repeat releases 0. `silent`: try again.
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
    // nothing is held for a workspace that ds does not know, nor under an id that rpc considers
    // invalid (rpc accepts every id that it has a hold for)
    if (isAppError(error, "workspace_not_found", "request_invalid")) return "released";
    throw error;
  }
}

/** Errors that leave the effect unknown: the call is repeated with the same id. */
const isSilence = (error: unknown) => isAppError(error, "deadline_exceeded", "service_unavailable", "internal", "draining", "overloaded");

/** Amounts cross gRPC as milli-credits; people and outside programs see credits. */
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
