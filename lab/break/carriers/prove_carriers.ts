// `npm run verify:carriers`: a campaign each through SMPP and through Twilio's API, at the
// simulator with the quirks of real operators, while answers are cut and workers are killed.
// Nobody may be texted twice, what is in doubt must stay within its bound, and every law must hold.
// Called by commands/carriers.ts.
import type { MessageStatus } from "../../../src/contracts/states.ts";
import { checkLaws, type LawsReport } from "../../../src/laws/check_laws.ts";
import { openPostgres, type Sql } from "../../../src/platform/postgres.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { askHttp, bodyOf } from "../../../testing/api_client.ts";
import { apiOf, isEnded, lawSourcesOf } from "../../../testing/campaigns.ts";
import { addSmppCarrier, addTwilioCarrier, dialectSettings, newAccountSid } from "../../../testing/carriers.ts";
import { csvOfMany } from "../../../testing/contacts.ts";
import { type LabCluster, startLabCluster } from "../lab_cluster.ts";

export interface CarrierProof {
  carrier: string;
  contacts: number;
  /** Messages by their end. */
  counts: Record<MessageStatus, number>;
  unconfirmed: number;
  /** Moments that left doubt, and the messages that they list. */
  events: number;
  inDoubt: number;
  /** Those of them whose fate became known. */
  resolved: number;
  seconds: number;
}

export interface CarriersReport {
  held: boolean;
  proofs: CarrierProof[];
  laws: LawsReport;
}

export interface CarriersOptions {
  contacts: number;
  seed: number;
  onProof(proof: CarrierProof): void;
}

const window = 50;
/** Of the simulator's answers. */
const weather = { cut_before_answer: { share: 0.002 }, late_answer: { share: 0.01, after_ms: 300 }, throttled: { share: 0.002 } };
const deadlineS = 20;
const settings = {
  BULKSMS_RECEIPT_HORIZON_S: "5",
  BULKSMS_CHUNK_ROWS: "500",
  BULKSMS_SIMULATOR_MPS_MAX: "0",
};
/** Shares of a campaign after which its worker is killed. */
const kills = [0.2, 0.5, 0.8];
const campaignMaxMs = 300_000;

export async function proveCarriers({ contacts, seed, onProof }: CarriersOptions): Promise<CarriersReport> {
  const accountSid = newAccountSid();
  const cluster = await startLabCluster({ settings: { ...settings, ...(await dialectSettings(["plain", "quirks"], [accountSid])) }, seed });
  const salesdb = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "bulksms carriers", connections: 1 });
  try {
    await cluster.startAnother("sales_worker");
    const quirks = { hex_ids: true, wrong_bind: { share: 0.3 }, early: { share: 0.05 } };
    const accounts = { "smpp:plain": weather, "smpp:quirks": { ...weather, ...quirks }, [`twilio:${accountSid}`]: weather };
    const rate = { window, parts_per_second: 1_000, answer_timeout_s: 3 };
    const carriers = [
      await addSmppCarrier(cluster, "plain", { ...rate, links: 2 }),
      await addSmppCarrier(cluster, "quirks", { ...rate, bind: "transmitter_and_receiver", answer_ids: "hex_to_dec" }),
      await addTwilioCarrier(cluster, accountSid, { window, parts_per_second: 1_000 }),
    ];
    await setWeather(cluster, { accounts });
    const proofs: CarrierProof[] = [];
    for (const { name } of carriers) {
      const proof = await sendThrough(cluster, salesdb, name, contacts);
      proofs.push(proof);
      onProof(proof);
    }
    const laws = await checkLaws(lawSourcesOf(cluster));
    return { held: laws.brokenLaws === 0 && laws.form === "settled" && proofs.every(({ counts }) => counts.delivered > 0), proofs, laws };
  } finally {
    await salesdb.end({ timeout: 1 });
    await cluster.stop();
  }
}

async function setWeather(cluster: LabCluster, body: unknown): Promise<void> {
  const key = cluster.settings.BULKSMS_SIMULATOR_KEY ?? null;
  bodyOf(await askHttp<object>("PUT", `${cluster.urls.simulator}/weather`, { key, body }));
}

async function sendThrough(cluster: LabCluster, salesdb: Sql, carrier: string, contacts: number): Promise<CarrierProof> {
  const api = apiOf(cluster);
  const startedMs = performance.now();
  const { id } = bodyOf(await api.create(csvOfMany(contacts), { text: "Hello {first_name}", carrier, deadline_s: deadlineS }));
  bodyOf(await api.command("run", id));
  const pending = async () => {
    const [row] = await salesdb<{ pending: number }[]>`select pending from bulksms where id = ${id}`;
    return row?.pending ?? contacts;
  };
  for (const share of kills) {
    await cluster.waitFor(
      `${share * 100} % of ${carrier} to be submitted`,
      async () => (await pending()) <= contacts * (1 - share),
      campaignMaxMs,
    );
    cluster.kill("sales_worker", "SIGKILL");
    await sleep(500);
  }
  const ended = await cluster.waitFor(
    `the campaign of ${carrier} to end`,
    async () => {
      const campaign = bodyOf(await api.campaign(id));
      if (!isEnded(campaign.status)) throw new Error(JSON.stringify(campaign.counts));
      return campaign;
    },
    campaignMaxMs,
  );
  const [doubt] = await salesdb<{ events: number; inDoubt: number; resolved: number }[]>`
    select count(distinct d.event_id)::int as events, count(*)::int as "inDoubt",
      count(*) filter (where m.status <> 'expired' or m.sent_at is not null)::int as resolved
    from doubt_message d join bulksms_info m on m.bulksms_id = d.bulksms_id and m.row_no = d.row_no where d.bulksms_id = ${id}`;
  const seconds = (performance.now() - startedMs) / 1_000;
  return { carrier, contacts, counts: ended.counts, unconfirmed: ended.unconfirmed, events: 0, inDoubt: 0, resolved: 0, ...doubt, seconds };
}
