// A campaign that gets another carrier before it runs: what that one does not take are rejects, and
// every sum follows, whoever dies or interferes.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { firstPricing } from "../../../testing/prices.ts";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { everyDestination, pricingOf } from "../../contracts/prices.ts";
import { readCampaign } from "../lifecycle/campaign_rows.ts";
import { cancelChunks } from "../lifecycle/cancel.ts";
import { cancel, run } from "../lifecycle/commands.ts";
import { finish } from "../lifecycle/finish.ts";
import { reprice } from "../pricing/reprice.ts";
import { exportRejects } from "../reads/exports.ts";
import { changeCarrier } from "./rejudge.ts";

const workspaceId = randomUUID();
const contacts = 12_000;
const chunkRows = 1_000;
let rows: SalesRows;
/** FI and SE; FI alone; two test phones; none; one that is our simulator. */
const carriers: Record<string, string> = {};

beforeAll(async () => {
  rows = await openSalesRows("salesapi");
});
afterAll(() => rows?.close());
beforeEach(async () => {
  await rows.owner`truncate carrier, bulksms, bulksms_info, bulksms_chunk, bulksms_reject cascade`;
  const insert = async (name: string, more: object) => {
    const fixed = { name, settings: rows.owner.json({ protocol: "smpp", window: 10 }), sealed_secret: Buffer.from([0]), state: "live" };
    const [row] = await rows.owner<
      { id: string }[]
    >`insert into carrier ${rows.owner({ ...fixed, senders: ["Oulu"], ...more })} returning id`;
    carriers[name] = row?.id as string;
  };
  await insert("nordic", { countries: ["SE"] });
  await insert("finnish", { senders: ["Oulu", "Turku"] });
  await insert("tested", { state: "test_only", test_phones: ["358400000004", "46700009000"] });
  await insert("nobody", { state: "test_only" });
  await insert("played", { is_simulated: true });
});

const defaults = { defaultCarrier: "simulator", defaultCountry: "FI" };

/** Every third message goes to Sweden; two parts each. */
async function makeReady(more: object = {}): Promise<{ workspaceId: string; bulksmsId: string }> {
  const counters = { contacts, pending: contacts, parts: 2 * contacts, cost_milli: 200 * contacts };
  const bulksmsId = await rows.insertCampaign({
    ...{ workspace_id: workspaceId, status: "ready", hold_id: null, sender: "Oulu", is_example_file: false, ...counters },
    ...{ rejected: 1, reject_counts: rows.owner.json({ duplicate: 1 }), ...more },
  });
  await rows.owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli, line, fields)
    select ${bulksmsId}, n, case when n % 3 = 0 then 46700000000 else 358400000000 end + n, 2, 200, n + 1, array['name ' || n]
    from generate_series(1, ${contacts}::int) n`;
  await rows.owner`insert into bulksms_reject (bulksms_id, line, reason, value) values (${bulksmsId}, 99999, 'duplicate', 'x')`;
  await rows.owner`insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to)
    select ${bulksmsId}, n, (n - 1) * ${chunkRows}::int + 1, n * ${chunkRows}::int, (n - 1) * ${chunkRows}::int
    from generate_series(1, ${contacts / chunkRows}::int) n`;
  return { workspaceId, bulksmsId };
}
type Ready = Awaited<ReturnType<typeof makeReady>>;

const change = (campaign: Ready, carrierName: string, sender: string | null = null) =>
  changeCarrier(rows.sql, campaign, { carrierName, sender }, defaults);

/** What counts, by the campaign and by its rows. */
async function stateOf({ bulksmsId }: Ready) {
  const [row] = await rows.owner`
    select b.carrier_id, b.next_carrier_id, b.status, b.sender, b.contacts, b.pending, b.parts::int, b.cost_milli::int, b.rejected, b.reject_counts
    from bulksms b where b.id = ${bulksmsId}`;
  const [counted] = await rows.owner`
    select count(*)::int as contacts, coalesce(sum(parts), 0)::int as parts, coalesce(sum(cost_milli), 0)::int as cost_milli,
      coalesce(max(row_no), 0) as last, (select count(*)::int from bulksms_reject r where r.bulksms_id = ${bulksmsId}) as rejected
    from bulksms_info where bulksms_id = ${bulksmsId}`;
  const chunks = await rows.owner`
    select first_row, last_row, intent_to from bulksms_chunk where bulksms_id = ${bulksmsId} order by chunk_no`;
  return { row, counted, chunks };
}

async function expectExact(campaign: Ready): Promise<void> {
  const { row, counted, chunks } = await stateOf(campaign);
  const { last, ...sums } = counted ?? {};
  expect(row).toMatchObject({ ...sums, pending: counted?.contacts });
  expect(last).toBe(counted?.contacts);
  expect(chunks.at(-1)?.last_row).toBe(last);
  expect(chunks.map((chunk) => chunk.first_row)).toEqual([1, ...chunks.slice(0, -1).map((chunk) => chunk.last_row + 1)]);
  for (const chunk of chunks) expect(chunk.intent_to).toBe(chunk.first_row - 1);
}

describe("a ready campaign", () => {
  it("loses to the rejects what its new carrier does not take, in the order of its file and with every sum", async () => {
    const campaign = await makeReady();
    const changed = await change(campaign, "finnish", "Turku");
    expect(changed).toMatchObject({
      status: "ready",
      contacts: 8_000,
      parts: 16_000n,
      costMilli: 1_600_000n,
      carrier: { name: "finnish" },
    });
    expect((await stateOf(campaign)).row).toMatchObject({
      ...{ carrier_id: carriers.finnish, next_carrier_id: null, sender: "Turku", rejected: 4_001 },
      reject_counts: { duplicate: 1, destination_not_allowed: 4_000 },
    });
    await expectExact(campaign);
    const [moved] = await rows.owner`
      select count(*)::int as n, bool_and(fields = array['name ' || (line - 1)] and msisdn = 358400000000 + line - 1) as whole,
        bool_and(row_no = 2 * ((line - 1) / 3) + (line - 1) % 3) as ordered
      from bulksms_info where bulksms_id = ${campaign.bulksmsId}`;
    expect(moved).toEqual({ n: 8_000, whole: true, ordered: true });
    let file = "";
    for await (const line of await exportRejects(rows.sql, workspaceId, campaign.bulksmsId)) file += line;
    expect(file.split("\r\n")).toContain('4,destination_not_allowed,"=""+46700000003"""');
  });

  it("keeps all of them where nothing is limited, and where all are taken", async () => {
    const campaign = await makeReady();
    for (const name of ["nordic", "played", "simulator", "nordic"]) {
      expect(await change(campaign, name), name).toMatchObject({ contacts, carrier: { name } });
      await expectExact(campaign);
    }
  });

  it("through a tested carrier texts its test phones alone, and what was refused stays so", async () => {
    const campaign = await makeReady();
    expect(await change(campaign, "tested")).toMatchObject({ contacts: 1 });
    expect((await stateOf(campaign)).row?.reject_counts).toEqual({
      ...{ duplicate: 1, destination_not_allowed: 4_000, not_a_test_phone: 7_999 },
    });
    await expectExact(campaign);
    expect(await change(campaign, "simulator")).toMatchObject({ contacts: 1 });
    await expectExact(campaign);
  });
});

describe("a change that is refused has no effect:", () => {
  it.each([
    ["nobody could be texted", "nobody", {}, "csv_no_valid_rows"],
    ["no such carrier", "other", {}, "carrier_not_found"],
    ["a sender that the carrier does not have", "finnish", { sender: "Espoo" }, "sender_not_allowed"],
    ["a file of examples", "finnish", { is_example_file: true }, "example_file_refused"],
    ["a file from before that was kept", "finnish", { is_example_file: null }, "example_file_refused"],
    ["a campaign that is being re-priced", "finnish", { price_version: null, repricing_version: 2 }, "state_conflict"],
    ["a campaign that runs", "finnish", { status: "running", hold_id: randomUUID() }, "state_conflict"],
  ])("%s", async (_, name, more, code) => {
    const campaign = await makeReady(more);
    const before = await stateOf(campaign);
    await expect(change(campaign, name)).rejects.toMatchObject({ code });
    expect(await stateOf(campaign)).toEqual(before);
  });

  it("another workspace's campaign", async () => {
    const campaign = await makeReady();
    await expect(change({ ...campaign, workspaceId: randomUUID() }, "finnish")).rejects.toMatchObject({ code: "bulksms_not_found" });
  });
});

const credit = {
  reserveCredit: async () => ({ existed: false, credit: undefined }),
  releaseCredit: async () => ({ releasedMilli: 0n, settledMilli: 0n }),
};

/** Somebody died after the first of three steps. */
async function stopHalfway(campaign: Ready): Promise<void> {
  await rows.owner`update bulksms set next_carrier_id = ${carriers.finnish as string} where id = ${campaign.bulksmsId}`;
  const gone =
    await rows.owner`delete from bulksms_info where bulksms_id = ${campaign.bulksmsId} and row_no <= 5000 and row_no % 3 = 0 returning line`;
  await rows.owner`insert into bulksms_reject (bulksms_id, line, reason, value)
    select ${campaign.bulksmsId}, line, 'destination_not_allowed', '' from unnest(${gone.map(({ line }) => line)}::int[]) line`;
  await rows.owner`update bulksms_info set row_no = - (2 * (row_no / 3) + row_no % 3) where bulksms_id = ${campaign.bulksmsId} and row_no <= 5000`;
  await rows.owner`update bulksms_info set row_no = - row_no where bulksms_id = ${campaign.bulksmsId} and row_no < 0`;
  await rows.owner`
    update bulksms set contacts = contacts - ${gone.length}, pending = pending - ${gone.length}, parts = parts - ${2 * gone.length},
      cost_milli = cost_milli - ${200 * gone.length}, rejected = rejected + ${gone.length},
      reject_counts = ${rows.owner.json({ duplicate: 1, destination_not_allowed: gone.length })} where id = ${campaign.bulksmsId}`;
}

describe("a change that was stopped halfway", () => {
  it("lets nobody run or re-price the campaign, and the next one goes on", async () => {
    const campaign = await makeReady();
    await stopHalfway(campaign);
    const running = () => run({ sql: rows.sql, credit }, campaign, { pricing: firstPricing });
    await expect(running()).rejects.toMatchObject({ code: "carrier_changing" });
    const second = pricingOf({ version: 2, prices: [{ destination: everyDestination, partMilli: 50 }] });
    expect(await reprice(rows.sql, campaign, second)).toBe(false);
    expect(await change(campaign, "finnish")).toMatchObject({ contacts: 8_000 });
    await expectExact(campaign);
    expect(await running()).toMatchObject({ status: "running", carrier: { name: "finnish" } });
  });

  it("may go on to another carrier, also one that limits nothing", async () => {
    for (const name of ["nordic", "simulator"]) {
      const campaign = await makeReady();
      await stopHalfway(campaign);
      expect(await change(campaign, name)).toMatchObject({ contacts: contacts - 1_666 });
      await expectExact(campaign);
      expect((await stateOf(campaign)).row?.next_carrier_id).toBeNull();
    }
  });

  it("may be canceled, and ends", async () => {
    const campaign = await makeReady();
    await stopHalfway(campaign);
    await cancel(rows.sql, campaign, { importLeaseMs: 1_000 });
    await cancelChunks(rows.owner, campaign.bulksmsId);
    const canceling = await readCampaign(rows.sql, campaign.bulksmsId);
    expect(await finish({ sql: rows.sql, credit }, canceling as NonNullable<typeof canceling>)).toMatchObject({ status: "canceled" });
  });
});

it("several changes at once leave the campaign whole, with the carrier of one of them", async () => {
  const campaign = await makeReady();
  const changes = await Promise.allSettled([change(campaign, "finnish"), change(campaign, "nordic"), change(campaign, "finnish")]);
  expect(changes.some(({ status }) => status === "fulfilled")).toBe(true);
  const carrier = (await change(campaign, "finnish")).carrier.name;
  expect(carrier).toBe("finnish");
  expect((await stateOf(campaign)).row).toMatchObject({ contacts: 8_000, next_carrier_id: null });
  await expectExact(campaign);
});
