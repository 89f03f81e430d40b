// A carrier that throttles, or refuses the account, rests as a whole: all its links, in all
// workers. The links of other carriers go on.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { type ScriptedCarrier, scriptCarrier } from "../../../testing/scripted_link.ts";
import { createLog } from "../../platform/log.ts";
import type { Inquirer } from "./inquiries.ts";
import { releaseLink, restCarrier, takeLink } from "./link_leases.ts";
import { LinkLoop } from "./link_loop.ts";
import { openLinkManager } from "./link_manager.ts";

const window = 4;
const leaseMs = 1_500;
const minuteMs = 60_000;
const log = createLog("test", { level: "fatal", format: "json" });
let rows: SalesRows;
let [throttling, other] = ["", ""];

beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
});
afterAll(() => rows?.close());
beforeEach(async () => {
  await rows.owner`truncate carrier, carrier_link, bulksms, bulksms_info, bulksms_chunk cascade`;
  [throttling, other] = [await insertCarrier("twilio"), await insertCarrier("smpp")];
});

async function insertCarrier(protocol: string): Promise<string> {
  const settings = rows.owner.json({ protocol, window, links: 1, receipts: "push", charge_on: "acceptance" });
  const carrier = { name: `c${randomUUID().slice(0, 8)}`, settings, sealed_secret: Buffer.from([0]), state: "live" };
  const [row] = await rows.owner<{ id: string }[]>`insert into carrier ${rows.owner(carrier)} returning id`;
  return row?.id as string;
}

/** A running campaign of eight messages, in one chunk. */
async function seed(carrierId: string): Promise<string> {
  const id = await rows.insertCampaign({ contacts: 8, parts: 8, pending: 8, cost_milli: 800, carrier_id: carrierId });
  await rows.owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli)
    select ${id}, n, 358400000000 + n, 1, 100 from generate_series(1, 8) n`;
  await rows.owner`insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to) values (${id}, 1, 1, 8, 0)`;
  return id;
}

const takeSlot = (carrierId: string, slot: number) => takeLink(rows.sql, { carrierId, slot, window, leaseMs: 10_000, mayOpen: true });
const nothing = {
  onProgress: () => {},
  onCharge: () => {},
  onAnomalies: () => {},
  onIdle: () => {},
};

async function start(carrierId: string, slot: number, carrier: ScriptedCarrier) {
  const { lease } = await takeLink(rows.sql, { carrierId, slot, window, leaseMs, mayOpen: true });
  if (lease === null) throw new Error("somebody else holds the link");
  const terms = { window, chargeOn: "acceptance" as const };
  const more = { log, open: carrier.open, onBound: () => {}, onInbound: async () => {}, ...nothing };
  const loop = new LinkLoop({ sql: rows.sql, lease, leaseMs, drainMs: 100, terms, ...more });
  return { loop, ended: loop.run() };
}

function accepting(): ScriptedCarrier {
  let nextId = 1;
  const carrier = scriptCarrier(window);
  carrier.behaviour = () => ({ kind: "accepted", ids: [`${randomUUID()}.${nextId++}`] });
  return carrier;
}

const sent = async (id: string) => (await rows.owner`select sent from bulksms where id = ${id}`)[0]?.sent;
const isSent = (id: string) => expect.poll(() => sent(id), { timeout: 20_000 }).toBe(8);
const restOf = async (carrierId: string) => {
  const [row] = await rows.owner`select rests_until > now() as rests, rest_reason from carrier where id = ${carrierId}`;
  return row;
};
const isResting = (carrierId: string, reason: string) =>
  expect.poll(() => restOf(carrierId), { timeout: 10_000 }).toEqual({ rests: true, rest_reason: reason });

describe("a carrier that throttles one of its links", () => {
  it("is given nothing on the others either, while other carriers are; and goes on when the rest is over", async () => {
    const [first, second, third] = [accepting(), accepting(), accepting()];
    const running = [await start(throttling, 1, first), await start(throttling, 2, second), await start(other, 1, third)];
    first.rest(minuteMs);
    await isResting(throttling, "it throttles");
    const [waits, goes] = [await seed(throttling), await seed(other)];
    running[1]?.loop.ring();
    await isSent(goes);
    const intent = async () => (await rows.owner`select intent_to from bulksms_chunk where bulksms_id = ${waits}`)[0]?.intent_to;
    await expect.poll(intent, { timeout: 10_000 }).toBe(8);
    expect([first.accepted.size, second.accepted.size, third.accepted.size]).toEqual([0, 0, 8]);
    await rows.owner`update carrier set rests_until = now() where id = ${throttling}`;
    await isSent(waits);
    for (const { loop } of running) loop.stop();
    await Promise.all(running.map(({ ended }) => ended));
  });

  it("rests until the longest of its rests is over", async () => {
    await restCarrier(rows.sql, throttling, minuteMs, "long");
    await restCarrier(rows.sql, throttling, 1, "short");
    expect(await restOf(throttling)).toEqual({ rests: true, rest_reason: "long" });
    expect(await restOf(other)).toEqual({ rests: null, rest_reason: null });
  });
});

describe("a carrier that refuses the account on one of its links", () => {
  it("is asked on no other before the rest is over", async () => {
    const { lease } = await takeSlot(throttling, 1);
    if (lease === null) throw new Error("somebody else holds the link");
    await releaseLink(rows.sql, lease, { hasFailed: true, isRefused: true, description: "the password is wrong" });
    await isResting(throttling, "the password is wrong");
    expect((await takeSlot(throttling, 2)).lease).toBeNull();
    expect((await takeSlot(other, 1)).lease).not.toBeNull();
    await rows.owner`update carrier set rests_until = now() - interval '1 s' where id = ${throttling}`;
    expect((await takeSlot(throttling, 2)).lease).not.toBeNull();
  });

  it("whose link was only cut, opens the others at once", async () => {
    const { lease } = await takeSlot(throttling, 1);
    if (lease === null) throw new Error("somebody else holds the link");
    await releaseLink(rows.sql, lease, { hasFailed: true, description: "cut" });
    expect((await takeSlot(throttling, 2)).lease).not.toBeNull();
  });
});

it("a carrier that answers no question delays neither its own links nor those of others", async () => {
  const ids = { [throttling]: accepting(), [other]: accepting() };
  let release: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    release = resolve;
  });
  const silent: Inquirer = { poll: async () => null, lookUp: async () => null, close: () => asked };
  let inquiries = 0;
  const manager = openLinkManager({
    ...{ sql: rows.sql, leaseMs: 10_000, log, ...nothing },
    openLink: ({ carrierId }, events) => (ids[carrierId] as ScriptedCarrier).open(events),
    openInquirer({ settings }) {
      if (settings.protocol !== "twilio") return null;
      inquiries += 1;
      return silent;
    },
  });
  await expect.poll(() => inquiries, { timeout: 10_000 }).toBe(1);
  const campaigns = [await seed(throttling), await seed(other)];
  for (const id of campaigns) await isSent(id);
  const again = await insertCarrier("smpp");
  ids[again] = accepting();
  await isSent(await seed(again));
  expect(inquiries).toBe(1);
  release();
  await manager.close();
});
