// A campaign between two price lists, in real Postgres: refused, accepted, re-priced in steps, also
// when somebody dies or another runs it in the middle.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { firstPricing } from "../../../testing/prices.ts";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { everyDestination, type Pricing, pricingOf } from "../../contracts/prices.ts";
import type { CreditClient } from "../../platform/grpc.ts";
import { cancel, run } from "../lifecycle/commands.ts";
import { costByList, reprice } from "./reprice.ts";

const contacts = 12_000;
const second = pricingOf({
  version: 2,
  prices: [
    { destination: everyDestination, partMilli: 150 },
    { destination: "358405", partMilli: 20 },
  ],
});
const third = pricingOf({ version: 3, prices: [{ destination: everyDestination, partMilli: 70 }] });

let sales: SalesRows;
beforeAll(async () => {
  sales = await openSalesRows("salesapi");
});
afterAll(() => sales.close());

interface Ready {
  workspaceId: string;
  bulksmsId: string;
}

/** A campaign of 12,000 messages, every third of two parts, ready by the first list. */
async function makeReady(): Promise<Ready> {
  const workspaceId = randomUUID();
  const parts = contacts + contacts / 3;
  const cost = firstPricing.costAtMost(parts);
  const bulksmsId = await sales.insertCampaign({
    workspace_id: workspaceId,
    status: "ready",
    hold_id: null,
    contacts,
    pending: contacts,
    parts,
    cost_milli: cost,
  });
  await sales.owner`
    insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli)
    select ${bulksmsId}, n, 358400000000 + n * 1000, 1 + (n % 3 = 0)::int, 100 * (1 + (n % 3 = 0)::int) from generate_series(1, ${contacts}::int) n`;
  return { workspaceId, bulksmsId };
}

const rowOf = async ({ bulksmsId }: Ready) => {
  const [row] = await sales.owner<
    { status: string; priceVersion: number | null; repricing: number | null; cost: bigint; counted: bigint }[]
  >`
    select status::text, price_version as "priceVersion", repricing_version as repricing, cost_milli as cost,
      (select sum(cost_milli)::bigint from bulksms_info where bulksms_id = b.id) as counted
    from bulksms b where id = ${bulksmsId}`;
  return row;
};

/** rpc holds whatever it is asked to. */
function creditOf(asked: bigint[]): Pick<CreditClient, "reserveCredit" | "releaseCredit"> {
  return {
    reserveCredit: async ({ amountMilli }) => {
      asked.push(amountMilli);
      return { existed: false, credit: undefined };
    },
    releaseCredit: async () => ({ releasedMilli: 0n, settledMilli: 0n }),
  };
}

const runBy = (campaign: Ready, pricing: Pricing, acceptedVersion?: number, asked: bigint[] = []) =>
  run({ sql: sales.sql, credit: creditOf(asked) }, campaign, { pricing, acceptedVersion });

const expectedCost = async (campaign: Ready, pricing: Pricing): Promise<bigint> => {
  const rows = await sales.owner<
    { msisdn: bigint; parts: number }[]
  >`select msisdn, parts from bulksms_info where bulksms_id = ${campaign.bulksmsId}`;
  return BigInt(rows.reduce((sum, { msisdn, parts }) => sum + pricing.costOf(Number(msisdn), parts), 0));
};

describe("a campaign that was priced by an older list", () => {
  it("is refused with both totals and changes nothing", async () => {
    const campaign = await makeReady();
    const before = await rowOf(campaign);
    const cost = await costByList(sales.sql, { bulksmsId: campaign.bulksmsId, parts: contacts + contacts / 3 }, second);
    expect(BigInt(cost)).toBe(await expectedCost(campaign, second));
    const parts = contacts + contacts / 3;
    expect(BigInt(await costByList(sales.sql, { bulksmsId: campaign.bulksmsId, parts }, third))).toBe(await expectedCost(campaign, third));
    await expect(runBy(campaign, second)).rejects.toMatchObject({
      code: "price_changed",
      details: { price_version: 2, cost_before: "1600.0", cost: `${cost / 1_000}` },
    });
    expect(await rowOf(campaign)).toEqual(before);
  });

  it("is re-priced and runs when its caller accepts the list, and holds what its messages cost then", async () => {
    const campaign = await makeReady();
    const asked: bigint[] = [];
    const running = await runBy(campaign, second, 2, asked);
    expect(running.status).toBe("running");
    const row = await rowOf(campaign);
    expect(row).toMatchObject({ priceVersion: 2, repricing: null });
    expect(row?.counted).toBe(await expectedCost(campaign, second));
    expect(row?.cost).toBe(row?.counted);
    expect(asked).toEqual([row?.cost]);
  });

  it("is refused again when the caller accepted a list that is no longer the newest", async () => {
    const campaign = await makeReady();
    await expect(runBy(campaign, third, 2)).rejects.toMatchObject({ code: "price_changed", details: { price_version: 3 } });
    expect(await rowOf(campaign)).toMatchObject({ status: "ready", priceVersion: 1 });
  });

  it("keeps its price when a salesapi that knows only the older list runs it", async () => {
    const campaign = await makeReady();
    expect((await runBy(campaign, firstPricing)).status).toBe("running");
    expect(await rowOf(campaign)).toMatchObject({ priceVersion: 1, cost: 1_600_000n });
  });

  it("does not run while it is re-priced, and the next one who accepts goes on", async () => {
    const campaign = await makeReady();
    // somebody died after the first of three steps
    await sales.owner`update bulksms set price_version = null, repricing_version = 2 where id = ${campaign.bulksmsId}`;
    await sales.owner`
      with repriced as (
        update bulksms_info set cost_milli = 150 * parts where bulksms_id = ${campaign.bulksmsId} and row_no <= 4999 returning new.cost_milli - old.cost_milli as added
      ) update bulksms set cost_milli = cost_milli + (select sum(added) from repriced) where id = ${campaign.bulksmsId}`;
    for (const pricing of [firstPricing, second]) await expect(runBy(campaign, pricing)).rejects.toMatchObject({ code: "price_changed" });
    expect(await rowOf(campaign)).toMatchObject({ status: "ready", priceVersion: null });
    const asked: bigint[] = [];
    expect((await runBy(campaign, second, 2, asked)).status).toBe("running");
    const row = await rowOf(campaign);
    expect(row?.counted).toBe(await expectedCost(campaign, second));
    expect(asked).toEqual([row?.counted]);
  });

  it("ends with the newer list when two lists are accepted at once", async () => {
    const campaign = await makeReady();
    await Promise.all([reprice(sales.sql, campaign, second), reprice(sales.sql, campaign, third), reprice(sales.sql, campaign, second)]);
    expect(await reprice(sales.sql, campaign, third)).toBe(true);
    const row = await rowOf(campaign);
    expect(row).toMatchObject({ priceVersion: 3, repricing: null });
    expect(row?.counted).toBe(await expectedCost(campaign, third));
    expect(row?.cost).toBe(row?.counted);
  });

  it("is never re-priced back to an older list, nor after it has run or was canceled", async () => {
    const campaign = await makeReady();
    expect(await reprice(sales.sql, campaign, third)).toBe(true);
    expect(await reprice(sales.sql, campaign, second)).toBe(false);
    expect(await rowOf(campaign)).toMatchObject({ priceVersion: 3 });
    await runBy(campaign, third);
    const fourth = pricingOf({ version: 4, prices: [{ destination: everyDestination, partMilli: 1 }] });
    expect(await reprice(sales.sql, campaign, fourth)).toBe(false);
    const canceled = await makeReady();
    await cancel(sales.sql, canceled, { importLeaseMs: 1_000 });
    expect(await reprice(sales.sql, canceled, fourth)).toBe(false);
    for (const one of [campaign, canceled]) expect((await rowOf(one))?.counted).toBe((await rowOf(one))?.cost);
  });

  it("stops being re-priced when it is canceled in the middle, with its sum still right", async () => {
    const campaign = await makeReady();
    await Promise.all([reprice(sales.sql, campaign, second), cancel(sales.sql, campaign, { importLeaseMs: 1_000 })]);
    const row = await rowOf(campaign);
    expect(row?.status).toBe("canceling");
    expect(row?.cost).toBe(row?.counted);
  });

  it("of another workspace is not touched", async () => {
    const campaign = await makeReady();
    expect(await reprice(sales.sql, { ...campaign, workspaceId: randomUUID() }, second)).toBe(false);
    expect(await rowOf(campaign)).toMatchObject({ priceVersion: 1, repricing: null });
  });
});
