// A campaign through an SMPP carrier, end to end: the whole system, its own simulator as the
// operator, kill -9 and cuts in the middle. Nobody is texted twice, what is in doubt is listed and
// little, and every law holds.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BulksmsAnswer } from "../src/contracts/http.ts";
import { openPostgres, type Sql } from "../src/platform/postgres.ts";
import { bodyOf } from "./api_client.ts";
import { apiOf, csvOf, expectAllLawsToHold, expectedEnd, isEnded } from "./campaigns.ts";
import { addSmppCarrier, addTwilioCarrier, dialectSettings, newAccountSid } from "./carriers.ts";
import { type Cluster, startCluster } from "./cluster.ts";

const accountSid = newAccountSid();
let cluster: Cluster;
let salesdb: Sql;
beforeAll(async () => {
  const settings = {
    ...(await dialectSettings(["oulu", "turku"], [accountSid])),
    BULKSMS_LEASE_MS: "1500",
    BULKSMS_SUBMIT_TIMEOUT_MS: "700",
    BULKSMS_RECEIPT_HORIZON_S: "2",
  };
  cluster = await startCluster({ settings });
  salesdb = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "test", connections: 1 });
}, 120_000);
afterAll(async () => {
  await salesdb?.end({ timeout: 1 });
  await cluster?.stop();
});

async function send(carrier: string, contacts: number, deadlineS?: number): Promise<string> {
  const api = apiOf(cluster);
  const fields = { text: "Hello {first_name}", carrier, ...(deadlineS === undefined ? {} : { deadline_s: deadlineS }) };
  const { id } = bodyOf(await api.create(csvOf(contacts), fields));
  bodyOf(await api.command("run", id));
  return id;
}

const untilEnded = (id: string): Promise<BulksmsAnswer> =>
  cluster.waitFor(
    `campaign ${id} to end`,
    async () => {
      const campaign = bodyOf(await apiOf(cluster).campaign(id));
      if (!isEnded(campaign.status)) throw new Error(JSON.stringify({ status: campaign.status, counts: campaign.counts }));
      return campaign;
    },
    60_000,
  );

const untilSent = (id: string, messages: number) =>
  cluster.waitFor(`${messages} messages to be sent`, async () => {
    const { counts } = bodyOf(await apiOf(cluster).campaign(id));
    return counts.pending <= 400 - messages;
  });

/**
 * Where a message is charged when it is accepted, one that the network does not send afterwards has
 * been sent as far as we are concerned.
 */
function endedThere(contacts: number, refusedAtSubmit = 0.5) {
  const { failed, undelivered, ...others } = expectedEnd(contacts);
  return { ...others, failed: failed * refusedAtSubmit, undelivered: undelivered + failed * (1 - refusedAtSubmit) };
}

test("a campaign runs through an SMPP carrier to the ends that its phones have", async () => {
  const { name } = await addSmppCarrier(cluster, "oulu", { window: 20 });
  const id = await send(name, 200);
  const ended = await untilEnded(id);
  expect(ended).toMatchObject({ status: "finished", carrier: { name, simulated: true }, counts: endedThere(200) });
  await expectAllLawsToHold(cluster);
}, 120_000);

test("and through Twilio's API, whose receipts come over HTTP", async () => {
  const { name } = await addTwilioCarrier(cluster, accountSid, { window: 20 });
  const id = await send(name, 200);
  const ended = await untilEnded(id);
  expect(ended).toMatchObject({ status: "finished", carrier: { name, simulated: true }, counts: expectedEnd(200) });
  await expectAllLawsToHold(cluster);
}, 120_000);

test("with kill -9 in the middle nobody is texted twice, and what is in doubt is listed and little", async () => {
  const { name } = await addSmppCarrier(cluster, "turku", { window: 10, parts_per_second: 150 });
  const id = await send(name, 400, 3);
  for (const sent of [50, 150]) {
    await untilSent(id, sent);
    cluster.kill("sales_worker", "SIGKILL");
  }
  const ended = await untilEnded(id);
  const events = await salesdb<{ kind: string; bound: number; messages: number }[]>`
    select kind, bound, (select count(*)::int from doubt_message d where d.event_id = e.id) as messages from doubt_event e join carrier r on r.id = e.carrier_id where r.name = ${name}`;
  expect(events.length).toBeGreaterThan(0);
  for (const { messages, bound } of events) expect(messages).toBeLessThanOrEqual(bound);
  expect(ended.counts.delivered).toBeGreaterThan(100);
  const report = await expectAllLawsToHold(cluster);
  expect(report.laws.filter(({ law }) => law === "L15" || law === "L16").map(({ verdict }) => verdict)).toEqual(["held", "held"]);
}, 180_000);
