// What customers do while a crash point waits for its hit, and the expected outcome. Each script
// suits some of the points.
import { deepEqual, equal, ok } from "node:assert/strict";
import { versionOf } from "../../../src/contracts/messages.ts";
import type { ProcessName } from "../../../src/contracts/processes.ts";
import { campaignSets, countIn, type MessageStatus, messageSets } from "../../../src/contracts/states.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import { countersObject, perStatus, statusNotIn } from "../../../src/platform/state_sql.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { contactsMax, csvOf, expectedEnd } from "../../../testing/campaigns.ts";
import { addSmppCarrier } from "../../../testing/carriers.ts";
import { csvOfMany } from "../../../testing/contacts.ts";
import type { Answered, CreateOptions } from "./crash_client.ts";
import { type CrashLab, linkAccount } from "./crash_lab.ts";

export interface ScriptedCampaign {
  id: string;
  name: string;
  contacts: number;
  created: Answered;
}

export interface Script {
  /**
   * A campaign is in flight before the process is armed: for points that come before the first
   * submit.
   */
  hasBackground: boolean;
  /** Of processes, over the lab's, for this experiment. */
  settings?: Partial<Record<ProcessName, SystemSettings>>;
  /**
   * Adds each campaign to `campaigns` as it is created; resolves when every command is given, while
   * the campaigns may still run.
   */
  work(lab: CrashLab, campaigns: ScriptedCampaign[]): Promise<void>;
  /** Checks what must be true when they have ended, beside the laws. @throws AssertionError */
  expects(lab: CrashLab, campaigns: readonly ScriptedCampaign[]): Promise<void>;
}

const settleMaxMs = 40_000;

/** Create and run, several times. */
const send: Script = {
  hasBackground: false,
  async work(lab, campaigns) {
    for (const contacts of lab.sizes) {
      const campaign = await create(lab, `${lab.prefix} ${contacts}`, contacts);
      campaigns.push(campaign);
      await run(lab, campaign);
    }
  },
  expects: expectExactEnds,
};

/** The same while another campaign is in flight. */
const sendBeside: Script = { ...send, hasBackground: true };

/** Twice: pause in mid-campaign, check that it stands still, resume. */
const pauseAndResume: Script = {
  hasBackground: false,
  async work(lab, campaigns) {
    for (const turn of [1, 2]) {
      const campaign = await create(lab, `${lab.prefix} ${turn}`, 240);
      campaigns.push(campaign);
      await run(lab, campaign);
      await untilInFlight(lab, campaign);
      const paused = await lab.client.command("pause", campaign.id);
      // the repeat of a pause whose answer was lost finds it already paused
      ok(paused.status === 202 || paused.body.current === "paused", `pause was answered ${paused.status} ${JSON.stringify(paused.body)}`);
      await expectStandstill(lab, campaign);
      equal((await lab.client.command("resume", campaign.id)).status, 202);
    }
  },
  expects: expectExactEnds,
};

/**
 * A short deadline: a message that was with the carrier when its worker died is `unknown`, and
 * after a cancel it is not submitted again; it waits for its deadline.
 */
const soonOver = { BULKSMS_RECEIPT_HORIZON_S: "1" };
const soonOverS = 6;

/** Twice: cancel in mid-campaign. */
const cancelHalfway: Script = {
  hasBackground: false,
  settings: { sales_worker: soonOver, simulator: soonOver },
  async work(lab, campaigns) {
    for (const turn of [1, 2]) {
      const campaign = await create(lab, `${lab.prefix} ${turn}`, 240, { deadlineS: soonOverS });
      campaigns.push(campaign);
      await run(lab, campaign);
      await untilInFlight(lab, campaign);
      equal((await lab.client.command("cancel", campaign.id)).status, 202);
    }
  },
  async expects(lab, campaigns) {
    for (const campaign of campaigns) {
      const row = await readRow(lab, campaign.id);
      equal(row.status, "canceled");
      ok(row.counts.canceled > 0, "the cancel canceled no message");
      const { accepted = 0, rejected = 0 } = await lab.client.batch(campaign.id);
      ok(accepted + rejected < campaign.contacts, "the carrier got messages that were canceled");
      ok(row.counts.canceled + accepted + rejected <= campaign.contacts, "somebody was canceled and texted");
    }
  },
};

/**
 * Twice: a new price list between the import and the run. The run is refused with both totals; its
 * caller accepts, and the campaign is re-priced in several steps.
 */
const reprice: Script = {
  hasBackground: false,
  settings: { simulator: { BULKSMS_SIMULATOR_MPS_MAX: "0", BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: "100" } },
  async work(lab, campaigns) {
    for (const turn of [1, 2]) {
      const name = `${lab.prefix} ${turn}`;
      const created = await lab.client.create(name, csvOfMany(repricedContacts));
      const campaign = { id: String(created.body.id), name, contacts: repricedContacts, created };
      campaigns.push(campaign);
      const [newest] = await lab.ds<{ version: number }[]>`select max(list_version) as version from price`;
      // another price each time: the same list again would not be a new one
      const version = await lab.client.setPrice(`0.${101 + ((newest?.version ?? 0) % 800)}`);
      const refused = await lab.client.command("run", campaign.id);
      equal(refused.body.code, "price_changed", JSON.stringify(refused.body));
      const ran = await lab.client.command("run", campaign.id, undefined, { price_version: version });
      const isOnItsWay = ran.status === 409 && ran.body.code === "state_conflict" && ran.attempts > 1;
      ok(ran.status === 202 || isOnItsWay, `run was answered ${ran.status} ${JSON.stringify(ran.body)}`);
    }
  },
  async expects(lab, campaigns) {
    for (const { id } of campaigns) {
      const row = await readRow(lab, id);
      equal(row.status, "finished");
      await expectChargedAsSent(lab, id, row);
      const costs = await lab.salesdb`
        select distinct cost_milli / parts as price from bulksms_info where bulksms_id = ${id}`;
      equal(costs.length, 1, "messages of one campaign have their cost from two price lists");
    }
  },
};

/** Three steps of 5,000 rows. */
const repricedContacts = 12_000;

/** Twice: run without enough credit; then with it. */
const runPoor: Script = {
  hasBackground: true,
  async work(lab, campaigns) {
    for (const turn of [1, 2]) {
      const poor = await lab.client.makeWorkspace(`${lab.prefix} ${turn}`, "0.5");
      const campaign = await create(lab, `${lab.prefix} ${turn}`, 40, { caller: poor });
      campaigns.push(campaign);
      await lab.client.command("run", campaign.id, poor);
      await lab.cluster.waitFor("the refused campaign to be ready again", async () => {
        const row = await readRow(lab, campaign.id);
        return row.status === "ready" && row.lastError === "insufficient_credit";
      });
      await lab.client.topUp(poor, "100.0");
      equal((await lab.client.command("run", campaign.id, poor)).status, 202);
    }
  },
  async expects(lab, campaigns) {
    for (const campaign of campaigns) {
      await expectExactEnd(lab, campaign);
      const runs = await lab.salesdb<{ holdId: string }[]>`
        select hold_id as "holdId" from bulksms_run where bulksms_id = ${campaign.id} order by created_at`;
      const holds = await lab.ds<{ origin: string; settled: bigint }[]>`
        select origin, settled from credit_hold where id = any (${runs.map(({ holdId }) => holdId)}::uuid[])`;
      equal(holds.filter(({ origin }) => origin === "held").length, 1, "more than one run got its credit");
      ok(holds.every(({ origin, settled }) => origin !== "refused" || settled === 0n));
    }
  },
};

/**
 * One campaign whose rows stand in two of the simulator's journal files (16,384 rows each), sent as
 * fast as possible.
 */
const sendWide: Script = {
  hasBackground: false,
  settings: {
    salesapi: { BULKSMS_CHUNK_ROWS: "1000" },
    simulator: { BULKSMS_SIMULATOR_MPS_MAX: "0", BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: "100" },
  },
  async work(lab, campaigns) {
    const contacts = 17_000;
    const name = `${lab.prefix} wide`;
    const created = await lab.client.create(name, csvOfMany(contacts));
    const campaign = { id: String(created.body.id), name, contacts, created };
    campaigns.push(campaign);
    await run(lab, campaign);
  },
  async expects(lab, campaigns) {
    for (const campaign of campaigns) equal((await readRow(lab, campaign.id)).status, "finished");
  },
};

/**
 * Twice: a campaign through an SMPP carrier, which would send a repeated message again. What a dead
 * worker leaves in doubt ends by its receipt, or at its deadline.
 */
const sendByLink: Script = {
  hasBackground: false,
  settings: { sales_worker: soonOver, simulator: soonOver },
  async work(lab, campaigns) {
    const carrier = await linkCarrier(lab);
    for (const turn of [1, 2]) {
      const campaign = await create(lab, `${lab.prefix} ${turn}`, 160, { deadlineS: soonOverS, carrier });
      campaigns.push(campaign);
      await run(lab, campaign);
    }
  },
  async expects(lab, campaigns) {
    for (const { id, contacts } of campaigns) {
      const row = await readRow(lab, id);
      equal(row.status, "finished");
      await expectChargedAsSent(lab, id, row);
      const lost = await lab.salesdb`
        select from bulksms_info m where m.bulksms_id = ${id} and m.status = 'expired' and m.sent_at is null
          and not exists (select from doubt_message d where d.bulksms_id = m.bulksms_id and d.row_no = m.row_no)`;
      equal(lost.length, 0, "a message was neither accepted nor refused, and is not in doubt");
      ok(row.counts.delivered > contacts / 4, "hardly anything arrived");
    }
  },
};

/** Recipients of each text. */
const recipients = 8;

/**
 * Texts of an application, a few recipients each, one after the other. It is told of each
 * recipient's last state, and never of an earlier one after a later one.
 */
const sendMessages: Script = {
  hasBackground: false,
  async work(lab, campaigns) {
    const to = csvOf(recipients)
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(",")[1] as string);
    for (let turn = 1; turn <= 6; turn += 1) {
      const name = `${lab.prefix} ${turn}`;
      const created = await lab.client.message(name, { to, text: "Hello", callback_url: lab.application.url });
      campaigns.push({ id: created.body.id, name, contacts: recipients, created });
    }
  },
  async expects(lab, campaigns) {
    equal(new Set(campaigns.map(({ id }) => id)).size, campaigns.length, "two texts have one id");
    for (const { id, contacts } of campaigns) {
      const row = await readRow(lab, id);
      equal(row.status, "finished");
      deepEqual(row.counts, expectedEnd(contacts));
      await expectChargedAsSent(lab, id, row);
      await expectTold(lab, id);
    }
  },
};

async function expectTold({ salesdb, application, cluster }: CrashLab, id: string): Promise<void> {
  const rows = await salesdb<{ rowNo: number; status: MessageStatus }[]>`
    select row_no as "rowNo", status from bulksms_info where bulksms_id = ${id}`;
  for (const { rowNo, status } of rows) {
    const told = () => application.told.get(`${id}.${rowNo}`) ?? [];
    await cluster.waitFor(`the application to be told that ${id}.${rowNo} is ${status}`, () => told().at(-1) === versionOf(status));
    deepEqual(
      told(),
      told().toSorted((one, other) => one - other),
      "an earlier state was told after a later one",
    );
  }
}

/** Made by the first experiment that needs it. */
async function linkCarrier({ cluster, salesdb }: CrashLab): Promise<string> {
  const name = `smpp-${linkAccount}`;
  const known = await salesdb`select from carrier where name = ${name}`;
  if (known.length === 0) await addSmppCarrier(cluster, linkAccount, { window: 10, parts_per_second: 100 });
  return name;
}

export const scripts = { send, sendBeside, pauseAndResume, cancelHalfway, runPoor, sendWide, reprice, sendByLink, sendMessages };
export type ScriptName = keyof typeof scripts;

/**
 * Three seconds of the lab's carrier: a process restarts in less, and finds most messages in flight
 * or still to be sent.
 */
const backgroundContacts = contactsMax;

/** One campaign in flight before anything else, with most of it still to be submitted. */
export async function startBackground(lab: CrashLab): Promise<ScriptedCampaign> {
  const campaign = await create(lab, `${lab.prefix} background`, backgroundContacts);
  await run(lab, campaign);
  await untilInFlight(lab, campaign);
  return campaign;
}

async function create(lab: CrashLab, name: string, contacts: number, options: CreateOptions = {}): Promise<ScriptedCampaign> {
  const created = await lab.client.create(name, csvOf(contacts), options);
  return { id: String(created.body.id), name, contacts, created };
}

/** A repeat after a lost answer finds the campaign already on its way: that answer is fine, too. */
async function run(lab: CrashLab, campaign: ScriptedCampaign): Promise<void> {
  const ran = await lab.client.command("run", campaign.id);
  const isOnItsWay = ran.status === 409 && ran.body.code === "state_conflict" && ran.attempts > 1;
  ok(ran.status === 202 || isOnItsWay, `run was answered ${ran.status} ${JSON.stringify(ran.body)}`);
}

export interface CampaignRow {
  status: string;
  lastError: string | null;
  counts: Record<MessageStatus, number>;
  partsSent: bigint;
  chargedMilli: bigint;
  version: bigint;
}

/** Read from the database, for what no client sees. */
export async function readRow(lab: CrashLab, id: string): Promise<CampaignRow> {
  const [row] = await lab.salesdb<CampaignRow[]>`
    select status::text, last_error as "lastError", parts_sent as "partsSent", charged_milli as "chargedMilli", version,
      ${countersObject(lab.salesdb, "b")} as counts
    from bulksms b where id = ${id}`;
  if (row === undefined) throw new Error(`there is no campaign ${id}`);
  return row;
}

export async function untilInFlight(lab: CrashLab, { id }: ScriptedCampaign): Promise<void> {
  await lab.cluster.waitFor("messages in flight", async () => {
    const { counts } = await readRow(lab, id);
    return countIn("submitted", counts) > 0;
  });
}

/** What is in progress ends; then no further message goes to the carrier. */
async function expectStandstill(lab: CrashLab, { id }: ScriptedCampaign): Promise<void> {
  await lab.cluster.waitFor("the last lease to be given back", async () => {
    const leased = await lab.salesdb`select from bulksms_chunk where bulksms_id = ${id} and state = 'leased' and lease_until > now()`;
    return leased.length === 0;
  });
  const before = await lab.client.batch(id);
  await sleep(500);
  const after = await lab.client.batch(id);
  deepEqual([after.accepted, after.rejected], [before.accepted, before.rejected], "a paused campaign was submitted");
  const { status, counts } = await readRow(lab, id);
  equal(status, "paused");
  ok(counts.pending > 0, "nothing was left to submit");
}

/** Resolves when every campaign has ended. */
export async function untilEnded(lab: CrashLab, ids: readonly string[]): Promise<void> {
  await lab.cluster.waitFor(
    "every campaign to end",
    async () => {
      const open = await lab.salesdb<{ id: string; status: string }[]>`
        select id, status::text, ${perStatus(lab.salesdb, messageSets.open, (status) => status)}, last_error from bulksms
        where id = any (${ids as string[]}::uuid[]) and ${statusNotIn(lab.salesdb, "status", campaignSets.complete)}`;
      if (open.length > 0) throw new Error(JSON.stringify(open));
      return true;
    },
    settleMaxMs,
  );
}

async function expectExactEnds(lab: CrashLab, campaigns: readonly ScriptedCampaign[]): Promise<void> {
  for (const campaign of campaigns) {
    await expectExactEnd(lab, campaign);
    const runs = await lab.salesdb`select from bulksms_run where bulksms_id = ${campaign.id}`;
    equal(runs.length, 1, "a campaign was run twice");
  }
}

/** Every number ended as expected and was charged once, and the upload made one campaign. */
export async function expectExactEnd(lab: CrashLab, { id, name, contacts }: ScriptedCampaign): Promise<void> {
  const row = await readRow(lab, id);
  equal(row.status, "finished");
  deepEqual(row.counts, expectedEnd(contacts));
  const made = await lab.salesdb<{ id: string }[]>`select id from bulksms where name = ${name} and status <> 'import_failed'`;
  deepEqual(
    made.map((campaign) => campaign.id),
    [id],
    "one upload made several campaigns",
  );
  await expectChargedAsSent(lab, id, row);
}

async function expectChargedAsSent(lab: CrashLab, id: string, row: CampaignRow): Promise<void> {
  const [charge] = await lab.ds<{ charged: bigint }[]>`
    select coalesce(sum(l.amount), 0)::bigint as charged from credit_ledger l where l.kind = 'settle' and l.hold_id = any (${await holdsOf(lab, id)}::uuid[])`;
  equal(charge?.charged, row.chargedMilli, "what was charged is not what was sent");
}

async function holdsOf(lab: CrashLab, id: string): Promise<string[]> {
  const runs = await lab.salesdb<{ holdId: string }[]>`select hold_id as "holdId" from bulksms_run where bulksms_id = ${id}`;
  return runs.map(({ holdId }) => holdId);
}
