// Converts a balance to its wire forms: the payload of topic workspace_credit and the gRPC message.
import { formatCredits } from "../contracts/credits.ts";
import type { WorkspaceCredit } from "../contracts/generated/credit.ts";
import type { TopicUpdates } from "../contracts/topics.ts";
import type { Balance } from "./workspaces.ts";

/** The payload of topic workspace_credit; the channel is the workspace's id. */
export function toCreditUpdate(
  balance: Pick<Balance, "workspaceId" | "availableMilli" | "heldMilli" | "spentMilli" | "version">,
): TopicUpdates["workspace_credit"] {
  return {
    workspace_id: balance.workspaceId,
    credit: formatCredits(balance.availableMilli + balance.heldMilli),
    available: formatCredits(balance.availableMilli),
    held: formatCredits(balance.heldMilli),
    spent: formatCredits(balance.spentMilli),
    // at a thousand changes per second, 2^53 is 285,000 years away
    version: Number(balance.version),
  };
}

export function toWorkspaceCredit(balance: Balance): WorkspaceCredit {
  return {
    workspaceId: balance.workspaceId,
    name: balance.name,
    availableMilli: balance.availableMilli,
    heldMilli: balance.heldMilli,
    spentMilli: balance.spentMilli,
    version: balance.version,
  };
}
