// One link from its lease to its end, against a carrier that does as it is told: nobody is texted
// twice, doubt stays within its bound and is listed, and what the carrier reports is never lost.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { type ScriptedCarrier, scriptCarrier } from "../../../testing/scripted_link.ts";
import type { LinkEnd } from "../../carriers/link.ts";
import { createLog } from "../../platform/log.ts";
import { cancelChunks } from "../lifecycle/cancel.ts";
import { type LinkLease, releaseLink, takeLink } from "./link_leases.ts";
import { LinkLoop, type LinkLoopOptions } from "./link_loop.ts";
import { joinWaiting } from "./waiting_receipts.ts";

const window = 4;
let rows: SalesRows;
let carrierId: string;

beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
});
afterAll(async () => {
  await rows?.close();
});
beforeEach(async () => {
  const [row] = await rows.owner<{ id: string }[]>`
    insert into carrier (name, settings, sealed_secret, state)
    values (${`c${Math.random().toString(36).slice(2)}`}, ${rows.owner.json({ protocol: "smpp", window })}, '\\x00', 'live') returning id`;
  carrierId = row?.id as string;
});

let nextPhone = 358_400_000_000;

/** A running campaign of the carrier: chunks of 10 rows, each with a phone of its own. */
async function seed(contacts: number): Promise<string> {
  const id = await rows.insertCampaign({ contacts, parts: contacts, pending: contacts, cost_milli: contacts * 100, carrier_id: carrierId });
  const first = nextPhone;
  nextPhone += contacts;
  await rows.owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli)
    select ${id}, n, ${first}::bigint + n, 1, 100 from generate_series(1, ${contacts}::int) n`;
  await rows.owner`insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to)
    select ${id}, n, n * 10 - 9, least(n * 10, ${contacts}::int), n * 10 - 10 from generate_series(1, ${Math.ceil(contacts / 10)}::int) n`;
  return id;
}

const takeSlot = (leaseMs = 10_000) => takeLink(rows.sql, { carrierId, slot: 1, window, leaseMs, mayOpen: true });

interface Running {
  loop: LinkLoop;
  ended: Promise<LinkEnd>;
  lease: LinkLease;
}

async function start(carrier: ScriptedCarrier, more: Partial<LinkLoopOptions> = {}): Promise<Running> {
  const { lease } = await takeSlot();
  if (lease === null) throw new Error("somebody else holds the link");
  const loop = new LinkLoop({
    sql: rows.sql,
    lease,
    leaseMs: 10_000,
    drainMs: 100,
    terms: { window, chargeOn: "acceptance" },
    log: createLog("test", { level: "fatal", format: "json" }),
    open: carrier.open,
    onBound: () => {},
    onInbound: async () => {},
    onProgress: () => {},
    onCharge: () => {},
    onAnomalies: () => {},
    onIdle: () => {},
    ...more,
  });
  return { loop, ended: loop.run(), lease };
}

/** A campaign of so many messages on its way over a link: as many as fit are with the carrier. */
async function begin(contacts: number) {
  const carrier = scriptCarrier(window);
  const id = await seed(contacts);
  const running = await start(carrier);
  await waitFor(carrier, Math.min(contacts, window));
  return { carrier, id, running };
}

async function stop({ loop, ended, lease }: Running): Promise<void> {
  loop.stop();
  await ended;
  await releaseLink(rows.sql, lease, { hasFailed: false, description: "stopped" });
}

/** As the link's holder does when it is over. */
const giveBack = () => rows.owner`update carrier_link set lease_owner = null, lease_until = null where carrier_id = ${carrierId}`;

/** The process is gone without a word: its lease runs out. */
const forget = (owner: string) =>
  rows.owner`update carrier_link set lease_until = clock_timestamp() - interval '1 s' where lease_owner = ${owner}`;

const counts = async (id: string) => {
  const found = await rows.owner`select status, count(*)::int as n from bulksms_info where bulksms_id = ${id} group by status`;
  return Object.fromEntries(found.map((row) => [row.status, row.n]));
};
const events = async () =>
  rows.owner<{ kind: string; bound: number; messages: number }[]>`
    select e.kind, e.bound, count(d.*)::int as messages from doubt_event e left join doubt_message d on d.event_id = e.id
    where e.carrier_id = ${carrierId} group by e.id order by e.id`;
const charged = async (id: string) => {
  const [row] = await rows.owner`select coalesce(sum(amount), 0)::int as amount from credit_outbox where bulksms_id = ${id}`;
  return row?.amount;
};
const becomes = (id: string, expected: Record<string, number>) => expect.poll(() => counts(id), { timeout: 10_000 }).toEqual(expected);
const twice = (carrier: ScriptedCarrier) => [...carrier.accepted].filter(([, times]) => times > 1);
let nextId = 1;
const accept = () => ({ kind: "accepted", ids: [String(nextId++)] }) as const;
const waitFor = (carrier: ScriptedCarrier, messages: number) =>
  expect.poll(() => carrier.unanswered.length, { timeout: 10_000 }).toBe(messages);

describe("a link", () => {
  it("sends every message once, charges each at its acceptance, and ends its chunks", async () => {
    const carrier = scriptCarrier(window);
    carrier.behaviour = accept;
    const id = await seed(35);
    const running = await start(carrier);
    await becomes(id, { sent: 35 });
    await expect.poll(() => charged(id), { timeout: 10_000 }).toBe(3_500);
    await expect
      .poll(async () => await rows.owner`select distinct state from bulksms_chunk where bulksms_id = ${id}`)
      .toEqual([{ state: "done" }]);
    await stop(running);
    expect(carrier.accepted.size).toBe(35);
    expect(twice(carrier)).toEqual([]);
    expect(carrier.inFlightMax).toBeLessThanOrEqual(window);
    expect(await events()).toEqual([]);
  });

  it("takes receipts at once, also one that overtakes its answer", async () => {
    const { carrier, id, running } = await begin(2);
    await carrier.receipt({ theirId: "early" });
    expect(await counts(id)).toEqual({ pending: 2 });
    carrier.answer({ kind: "accepted", ids: ["early"] });
    carrier.answer({ kind: "accepted", ids: ["later"] });
    await becomes(id, { delivered: 1, sent: 1 });
    await carrier.receipt({ theirId: "later", status: "undelivered", errorCode: "absent_subscriber" });
    expect(await counts(id)).toEqual({ delivered: 1, undelivered: 1 });
    await stop(running);
  });

  it("ends a message of several parts when each has its end, by the worst of them", async () => {
    const { carrier, id, running } = await begin(1);
    carrier.answer({ kind: "accepted", ids: ["first", "second"] });
    await becomes(id, { sent: 1 });
    await carrier.receipt({ theirId: "second", status: "undelivered", errorCode: "barred" });
    expect(await counts(id)).toEqual({ sent: 1 });
    await carrier.receipt({ theirId: "first" });
    expect(await rows.owner`select status, error_code from bulksms_info where bulksms_id = ${id}`).toEqual([
      { status: "undelivered", error_code: "barred" },
    ]);
    await expect.poll(() => charged(id), { timeout: 10_000 }).toBe(100);
    await stop(running);
  });

  it("submits a throttled message again, and one that never reached the socket", async () => {
    const { carrier, id, running } = await begin(3);
    carrier.behaviour = accept;
    carrier.answer({ kind: "throttled", retryAfterMs: 1 });
    carrier.answer({ kind: "not_sent", reason: "try again" });
    carrier.answer(accept());
    await becomes(id, { sent: 3 });
    expect(twice(carrier)).toEqual([]);
    await stop(running);
  });

  it("ends a message whose later part is refused as undelivered and charged, a refused one as failed", async () => {
    const { carrier, id, running } = await begin(2);
    carrier.answer({ kind: "parts_rejected", ids: ["one"], errorCode: "8" });
    carrier.answer({ kind: "rejected", errorCode: "invalid_destination" });
    await becomes(id, { undelivered: 1, failed: 1 });
    await expect.poll(() => charged(id), { timeout: 10_000 }).toBe(100);
    await stop(running);
  });
});

describe("doubt", () => {
  it("after a cut is what was in flight, listed under one event; late answers are facts", async () => {
    const { carrier, id, running } = await begin(20);
    const [first] = carrier.unanswered;
    carrier.cut();
    await running.ended;
    await becomes(id, { unknown: window, pending: 20 - window });
    expect(await events()).toEqual([{ kind: "cut", bound: window, messages: window }]);
    carrier.answer({ kind: "accepted", ids: ["late"] }, first?.key);
    await becomes(id, { unknown: window - 1, sent: 1, pending: 20 - window });
    await giveBack();
    const second = scriptCarrier(window);
    second.behaviour = accept;
    const next = await start(second);
    await becomes(id, { unknown: window - 1, sent: 20 - window + 1 });
    await stop(next);
    expect(second.accepted.size).toBe(20 - window);
  });

  it("after a crash is at most two windows, whoever takes over sends none of it again", async () => {
    const { carrier, id, running } = await begin(20);
    carrier.takeSilently();
    await forget(running.lease.owner);
    const { lease } = await takeSlot();
    expect(lease).not.toBeNull();
    const [event] = await events();
    expect(event).toMatchObject({ kind: "crash", bound: 2 * window });
    expect(event?.messages).toBeLessThanOrEqual(2 * window);
    expect((await counts(id)).unknown).toBe(event?.messages);
    await giveBack();
    carrier.behaviour = accept;
    const next = await start(carrier);
    await becomes(id, { unknown: event?.messages as number, sent: 20 - (event?.messages as number) });
    expect(twice(carrier)).toEqual([]);
    await stop(next);
    await stop(running);
  });

  it("is resolved by a receipt whose phone has only this message in doubt, and not by one of two", async () => {
    const { carrier, id, running } = await begin(2);
    const phones = carrier.unanswered.map(({ phone }) => phone);
    carrier.cut();
    await running.ended;
    await giveBack();
    const next = await start(carrier);
    await carrier.receipt({ theirId: "unseen", phone: phones[0] as string });
    const terms = { carrierId, hasIdPerPart: true, resolvesByPhone: true };
    expect(await joinWaiting(rows.sql, terms)).toBeNull();
    await rows.owner`update receipt_waiting set received_at = received_at - interval '11 s' where carrier_id = ${carrierId}`;
    await rows.owner`update doubt_message set intended_at = intended_at - interval '1 min' where bulksms_id = ${id}`;
    await joinWaiting(rows.sql, terms);
    expect(await counts(id)).toEqual({ delivered: 1, unknown: 1 });
    expect(await charged(id)).toBe(100);
    await stop(next);
  });

  it("is not resolved by a receipt that may be about another message of its phone: one in flight, one that has expired", async () => {
    const carrier = scriptCarrier(window);
    const terms = { carrierId, hasIdPerPart: true, resolvesByPhone: true };
    const age = () => rows.owner`update receipt_waiting set received_at = received_at - interval '11 s' where carrier_id = ${carrierId}`;
    const inDoubt = await seed(1);
    const running = await start(carrier);
    await waitFor(carrier, 1);
    const phone = carrier.unanswered[0]?.phone as string;
    carrier.cut();
    await running.ended;
    await becomes(inDoubt, { unknown: 1 });
    await giveBack();
    await rows.owner`update doubt_message set intended_at = intended_at - interval '1 min' where bulksms_id = ${inDoubt}`;
    const other = await seed(1);
    await rows.owner`update bulksms_info set msisdn = ${phone}::bigint where bulksms_id = ${other}`;
    const next = await start(carrier);
    await waitFor(carrier, 2);
    await carrier.receipt({ theirId: "of the other", phone });
    await age();
    expect(await joinWaiting(rows.sql, terms)).toBeNull();
    carrier.answer({ kind: "accepted", ids: ["of the other"] }, carrier.unanswered[1]?.key);
    await becomes(other, { delivered: 1 });
    expect(await counts(inDoubt)).toEqual({ unknown: 1 });

    const third = await seed(1);
    await rows.owner`update bulksms_info set msisdn = ${phone}::bigint where bulksms_id = ${third}`;
    next.loop.ring();
    await waitFor(carrier, 2);
    carrier.cut();
    await next.ended;
    await becomes(third, { unknown: 1 });
    await giveBack();
    await rows.owner`update bulksms_info set status = 'expired' where bulksms_id = ${inDoubt}`;
    const last = await start(carrier);
    await carrier.receipt({ theirId: "of the first", phone });
    await age();
    expect(await joinWaiting(rows.sql, terms)).toBeNull();
    expect(await counts(third)).toEqual({ unknown: 1 });
    await stop(last);
  });

  it("of a cancel is what was intended while nobody holds the link; the rest is canceled", async () => {
    const { carrier, id, running } = await begin(20);
    carrier.takeSilently();
    await forget(running.lease.owner);
    await rows.owner`update bulksms_chunk set lease_until = clock_timestamp() - interval '1 s' where bulksms_id = ${id} and state = 'leased'`;
    await rows.owner`update bulksms set status = 'canceling' where id = ${id}`;
    await cancelChunks(rows.sql, id);
    const after = await counts(id);
    expect(after.unknown).toBeLessThanOrEqual(2 * window);
    expect((after.unknown as number) + (after.canceled as number)).toBe(20);
    expect(await events()).toEqual([{ kind: "cancel", bound: 2 * window, messages: after.unknown }]);
    await stop(running);
  });
});

describe("a campaign that stops", () => {
  it("paused in flight keeps what was never sent as pending, and goes on from there", async () => {
    const { carrier, id, running } = await begin(20);
    await rows.owner`update bulksms set status = 'paused' where id = ${id}`;
    while (carrier.unanswered.length > 0) carrier.answer(accept());
    await expect
      .poll(async () => (await rows.owner`select state, intent_to from bulksms_chunk where bulksms_id = ${id} and chunk_no = 1`)[0], {
        timeout: 10_000,
      })
      .toMatchObject({ state: "open" });
    const sent = (await counts(id)).sent as number;
    await rows.owner`update bulksms set status = 'canceling' where id = ${id}`;
    await cancelChunks(rows.sql, id);
    expect(await counts(id)).toEqual({ sent, canceled: 20 - sent });
    expect(await events()).toEqual([]);
    await stop(running);
  });

  it("when its process drains, loses nothing and leaves no doubt but what got no answer", async () => {
    const { carrier, id, running } = await begin(20);
    carrier.answer(accept());
    running.loop.stop();
    await running.ended;
    const after = await counts(id);
    expect(after.sent).toBe(1);
    const [event] = await events();
    expect(after.unknown).toBe(event?.messages);
    expect(event?.messages).toBeLessThanOrEqual(window);
    expect(await rows.owner`select from bulksms_chunk where bulksms_id = ${id} and state = 'leased'`).toHaveLength(0);
    await stop(running);
  });
});
