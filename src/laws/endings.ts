// L6 and L10: an ended campaign leaves nothing open, and each hold belongs to one run of one
// campaign.
import { type BulksmsStatus, campaignSets, isCampaignIn } from "../contracts/states.ts";
import { isOpenSql, statusIn } from "../platform/state_sql.ts";
import type { Finding, Law } from "./law.ts";
import { cursorRows, onlyCampaigns, onlyWorkspace, type Snapshots } from "./snapshots.ts";

export const endedCampaigns: Law = {
  name: "L6",
  title: "an ended campaign has only final messages, no open hold, no unconfirmed charge",
  checkRows: checkEndedCampaigns,
};

export const holdsOfRuns: Law = {
  name: "L10",
  title: "each hold belongs to exactly one run of one campaign, and the reverse",
  checkRows: checkHolds,
};

interface EndedCampaign {
  id: string;
  status: BulksmsStatus;
  holdIds: string[];
  messages: bigint;
  unfinished: bigint;
  unconfirmed: bigint;
}

/** salesdb first, then ds: a hold is released before its campaign is marked ended. */
async function checkEndedCampaigns({ salesdb: sql, dsAfter, scope }: Snapshots, finding: Finding): Promise<void> {
  const campaigns = sql<EndedCampaign[]>`
    select b.id, b.status, coalesce(m.messages, 0) as messages, coalesce(m.unfinished, 0) as unfinished,
      (select count(*) from credit_outbox o where o.bulksms_id = b.id and o.confirmed_at is null) as unconfirmed,
      array(select r.hold_id from bulksms_run r where r.bulksms_id = b.id
        union select b.hold_id where b.hold_id is not null)::text[] as "holdIds"
    from bulksms b
    left join (
      select bulksms_id, count(*) as messages, count(*) filter (where ${isOpenSql(sql, "status")}) as unfinished from bulksms_info group by bulksms_id
    ) m on m.bulksms_id = b.id
    where ${statusIn(sql, "b.status", campaignSets.complete)} ${onlyCampaigns(sql, "b", scope)}`;
  for await (const batch of campaigns.cursor(cursorRows)) {
    const holdIds = batch.flatMap((campaign) => campaign.holdIds);
    const open = await dsAfter<{ id: string }[]>`select id from credit_hold where id = any(${holdIds}) and state = 'open'`;
    const openIds = new Set(open.map((hold) => hold.id));
    for (const campaign of batch) judgeEnded(campaign, openIds, finding);
  }
}

function judgeEnded(campaign: EndedCampaign, openIds: ReadonlySet<string>, finding: Finding): void {
  finding.compared(1 + Number(campaign.messages) + campaign.holdIds.length);
  const name = `bulksms ${campaign.id}`;
  if (campaign.unfinished > 0n) finding.broken(name, `${campaign.status}, but ${campaign.unfinished} of its messages have not ended`);
  if (campaign.unconfirmed > 0n) finding.broken(name, `${campaign.status}, but ${campaign.unconfirmed} of its charges are unconfirmed`);
  for (const id of campaign.holdIds) if (openIds.has(id)) finding.broken(name, `${campaign.status}, but its hold ${id} is open`);
}

interface Hold {
  id: string;
  workspaceId: string;
  amount: bigint;
  origin: string;
}

interface Run {
  holdId: string;
  bulksmsId: string;
  workspaceId: string;
  amount: bigint;
  status: BulksmsStatus;
  isCurrent: boolean;
  /** What the campaign's messages cost together. */
  costMilli: bigint;
  priceVersion: number | null;
  /** Its messages are being judged by the rules of another carrier. */
  isRejudged: boolean;
}

/**
 * A run is written before its hold is requested, so each hold in the earlier ds snapshot has a run;
 * the later snapshot has a hold for each run that went on.
 */
async function checkHolds(snapshots: Snapshots, finding: Finding): Promise<void> {
  await checkHoldsHaveRuns(snapshots, finding);
  await checkRunsHaveHolds(snapshots, finding);
}

async function checkHoldsHaveRuns({ dsBefore, salesdb, scope }: Snapshots, finding: Finding): Promise<void> {
  const holds = dsBefore<Hold[]>`
    select h.id, h.workspace_id as "workspaceId", h.amount, h.origin from credit_hold h where true ${onlyWorkspace(dsBefore, "h.workspace_id", scope)}`;
  for await (const batch of holds.cursor(cursorRows)) {
    const runs = new Map((await findRuns(salesdb, batch)).map((run) => [run.holdId, run]));
    for (const hold of batch) {
      finding.compared(1);
      const run = runs.get(hold.id);
      const name = `credit_hold ${hold.id}`;
      if (run === undefined) finding.broken(name, "belongs to no run of a campaign");
      else if (run.workspaceId !== hold.workspaceId) finding.broken(name, `its campaign ${run.bulksmsId} belongs to another workspace`);
      // a tombstone holds nothing: it was released before it was reserved
      else if (hold.origin !== "tombstone" && run.amount !== hold.amount)
        finding.broken(name, `holds ${hold.amount} milli-credits, its run of ${run.bulksmsId} asked for ${run.amount}`);
    }
  }
}

async function findRuns(sql: Snapshots["salesdb"], holds: readonly Hold[]): Promise<Run[]> {
  return sql<Run[]>`
    select r.hold_id as "holdId", r.bulksms_id as "bulksmsId", b.workspace_id as "workspaceId", r.amount, b.status, b.hold_id = r.hold_id as "isCurrent"
    from bulksms_run r join bulksms b on b.id = r.bulksms_id where r.hold_id = any(${holds.map((hold) => hold.id)})`;
}

/**
 * Only a run that is still reserving may lack its hold; one that was given up has left a tombstone,
 * unless rpc refuses its id (anything but a UUIDv7): then nothing can have been held.
 */
async function checkRunsHaveHolds({ salesdb: sql, dsAfter, scope }: Snapshots, finding: Finding): Promise<void> {
  const runs = sql<Run[]>`
    select r.hold_id as "holdId", r.bulksms_id as "bulksmsId", b.workspace_id as "workspaceId", r.amount, b.status,
      coalesce(b.hold_id = r.hold_id, false) as "isCurrent", b.cost_milli as "costMilli", b.price_version as "priceVersion", b.next_carrier_id is not null as "isRejudged"
    from bulksms_run r join bulksms b on b.id = r.bulksms_id where true ${onlyCampaigns(sql, "b", scope)}`;
  for await (const batch of runs.cursor(cursorRows)) {
    const found = await dsAfter<{ id: string; origin: string }[]>`
      select id, origin from credit_hold where id = any(${batch.map((run) => run.holdId)})`;
    const origins = new Map(found.map((hold) => [hold.id, hold.origin]));
    for (const run of batch) {
      finding.compared(1);
      const name = `bulksms_run ${run.holdId}`;
      const origin = origins.get(run.holdId);
      const isOn = run.isCurrent && isCampaignIn("held", run.status);
      const isRefusedId = run.holdId[14] !== "7";
      const mayLack = (run.isCurrent && isCampaignIn("holding", run.status) && !isOn) || (isRefusedId && !isOn);
      const isUnderWay = run.isCurrent && (isOn || run.status === "reserving");
      if (isUnderWay && run.amount !== run.costMilli)
        finding.broken(name, `asks for ${run.amount} milli-credits, the messages of campaign ${run.bulksmsId} cost ${run.costMilli}`);
      if (isUnderWay && run.isRejudged) finding.broken(name, `campaign ${run.bulksmsId} runs while its carrier is being changed`);
      if (isUnderWay && run.priceVersion === null) finding.broken(name, `campaign ${run.bulksmsId} runs while it is being re-priced`);
      if (origin === undefined && !mayLack) finding.broken(name, `of campaign ${run.bulksmsId}, but ds has no such hold`);
      else if (isOn && origin !== undefined && origin !== "held")
        finding.broken(name, `campaign ${run.bulksmsId} is ${run.status} on a hold that never held (${origin})`);
    }
  }
}
