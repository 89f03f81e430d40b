// A campaign through salesapi, sales_worker, rpc and general_worker on real engines, with a carrier
// that obeys the test.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type SalesNodes, startSalesNodes } from "../../../testing/sales_nodes.ts";
import { uuidV7 } from "../../../testing/uuid_v7.ts";
import { type Campaign, readCampaign } from "../../campaign/lifecycle/campaign_rows.ts";
import { reserve } from "../../campaign/lifecycle/reserve.ts";
import { reserve as holdCredit } from "../../credit/holds.ts";
import { openCreditClient } from "../../platform/grpc.ts";
import { sleep } from "../../platform/time/sleep.ts";

let nodes: SalesNodes;
let workspace: { id: string; key: string };
const rows = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const inState = (status: string) => (row: { status: string }) => row.status === status;
const readCredit = async () => {
  const [credit] = await nodes.credit.owner`select available, held, spent from workspace where id = ${workspace.id}`;
  return credit as { available: bigint; held: bigint; spent: bigint };
};
const run = async (contacts: number) => {
  const id = await nodes.create(workspace.key, contacts);
  const answer = await nodes.command("run", workspace.key, id);
  expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  return id;
};
/** All rows of a campaign to their end. */
const deliver = async (id: string, first: number, last: number) => {
  expect((await nodes.receive(id, rows(first, last), "delivered")).status).toBe(200);
};

beforeAll(async () => {
  nodes = await startSalesNodes();
  workspace = await nodes.credit.makeWorkspace("1000");
});
afterEach(async () => {
  nodes.carrier.behave("accept");
  nodes.carrier.onBody = null;
  await nodes.carrier.setUp(true);
});
afterAll(() => nodes.stop());

describe("a campaign", () => {
  it("goes from create to finished, and each sent part costs 0.1 credit", async () => {
    const id = await nodes.create(workspace.key, 25, { text: "Hei {name}" });
    nodes.carrier.reject({ 7: "no_sms_service" });
    const answer = await nodes.command("run", workspace.key, id);
    expect(answer.status, JSON.stringify(answer.body)).toBe(202);
    expect(answer.body).toMatchObject({ id, status: "running", contacts: 25, cost: "2.5" });
    await nodes.campaign(id, (row) => row.queued === 24 && row.failed === 1);
    nodes.carrier.reject({});
    expect(nodes.carrier.accepted.get(`${id}.1`)?.text).toBe("Hei Student 1");

    expect((await nodes.receive(id, rows(1, 25), "sent")).status).toBe(200);
    expect((await nodes.receive(id, rows(1, 20), "delivered")).status).toBe(200);
    expect((await nodes.receive(id, rows(21, 25), "undelivered")).status).toBe(200);
    const ended = await nodes.campaign(id, inState("finished"));
    expect(ended).toMatchObject({ delivered: 19, undelivered: 5, failed: 1, parts_sent: 24n });
    expect(await readCredit()).toEqual({ available: 997_600n, held: 0n, spent: 2_400n });
    const kept = await nodes.owner`select kind, row_no from receipt_anomaly where bulksms_id = ${id}`;
    // sent, delivered: both against the carrier's own rejection
    expect(kept.map((row) => [row.kind, row.row_no])).toEqual([
      ["contradiction", 7],
      ["contradiction", 7],
    ]);
  });

  it("ends when every message failed, without a charge and without an outbox row", async () => {
    nodes.carrier.reject(Object.fromEntries(rows(1, 12).map((rowNo) => [rowNo, "no_sms_service"])));
    const before = await readCredit();
    const id = await run(12);
    expect(await nodes.campaign(id, inState("finished"))).toMatchObject({ failed: 12, parts_sent: 0n });
    nodes.carrier.reject({});
    expect(await readCredit()).toEqual(before);
    expect(await nodes.owner`select from credit_outbox where bulksms_id = ${id}`).toHaveLength(0);
  });

  it("takes receipts that come before the submit's answer", async () => {
    nodes.carrier.onBody = async (body) => deliver(body.batch_id, 1, body.messages.length);
    const id = await run(10);
    expect(await nodes.campaign(id, inState("finished"))).toMatchObject({ delivered: 10, parts_sent: 10n });
  });

  it("that is run twice at once is run once, with one hold", async () => {
    const id = await nodes.create(workspace.key, 5);
    const answers = await Promise.all(Array.from({ length: 4 }, () => nodes.command("run", workspace.key, id)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([202, 409, 409, 409]);
    expect(answers.find((answer) => answer.status === 409)?.body).toMatchObject({ code: "state_conflict" });
    expect(await nodes.owner`select from bulksms_run where bulksms_id = ${id}`).toHaveLength(1);
    await nodes.campaign(id, (row) => row.queued === 5);
    await deliver(id, 1, 5);
    await nodes.campaign(id, inState("finished"));
  });

  it("too expensive for its workspace stays ready, says what is needed, and runs after a top-up with another hold", async () => {
    const poor = await nodes.credit.makeWorkspace("0.3");
    const id = await nodes.create(poor.key, 5);
    const refused = await nodes.command("run", poor.key, id);
    expect(refused.status).toBe(402);
    expect(refused.body).toMatchObject({ code: "insufficient_credit", needed: "0.5", available: "0.3" });
    expect(await nodes.campaign(id)).toMatchObject({ status: "ready", last_error: "insufficient_credit" });
    await nodes.credit.http("POST", `/workspaces/${poor.id}/credit`, { body: { amount: "1" } });
    expect((await nodes.command("run", poor.key, id)).status).toBe(202);
    await nodes.campaign(id, (row) => row.queued === 5 && row.last_error === null);
    const holds = await nodes.owner`select hold_id from bulksms_run where bulksms_id = ${id}`;
    expect(new Set(holds.map((row) => row.hold_id)).size).toBe(2);
    await deliver(id, 1, 5);
    await nodes.campaign(id, inState("finished"));
  });

  it("whose messages get no last receipt expires after its deadline, and is charged for what was sent", async () => {
    const id = await nodes.create(workspace.key, 10, { deadline_s: "1" });
    await nodes.command("run", workspace.key, id);
    await nodes.campaign(id, (row) => row.queued === 10);
    await nodes.receive(id, rows(1, 4), "sent");
    await nodes.receive(id, rows(5, 6), "delivered");
    expect(await nodes.campaign(id, inState("finished"))).toMatchObject({ expired: 8, delivered: 2, parts_sent: 6n });
    await nodes.receive(id, [1, 7], "delivered");
    const kept = await nodes.owner`select kind from receipt_anomaly where bulksms_id = ${id}`;
    expect(kept.map((row) => row.kind)).toEqual(["late", "late"]);
    expect(await nodes.campaign(id)).toMatchObject({ expired: 8, parts_sent: 6n });
  });
});

describe("a carrier", () => {
  it("that is down is waited for, and nobody fails", async () => {
    await nodes.carrier.setUp(false);
    const id = await run(20);
    await expect.poll(() => chunkStates(id), { timeout: 5_000 }).toContain("leased");
    await nodes.carrier.setUp(true);
    expect(await nodes.campaign(id, (row) => row.queued === 20)).toMatchObject({ failed: 0 });
    await deliver(id, 1, 20);
    await nodes.campaign(id, inState("finished"));
  });

  it("that answers 500 or takes the body without an answer gets the same words again, and each reference is accepted once", async () => {
    nodes.carrier.behave("swallow");
    const id = await run(10);
    await expect.poll(() => bodiesOf(id).length, { timeout: 5_000 }).toBeGreaterThan(0);
    nodes.carrier.behave({ status: 500 });
    await expect.poll(() => bodiesOf(id).length, { timeout: 5_000 }).toBeGreaterThan(2);
    nodes.carrier.behave("accept");
    expect(await nodes.campaign(id, (row) => row.queued === 10)).toMatchObject({ failed: 0 });
    expect(new Set(bodiesOf(id).map((body) => JSON.stringify(body))).size).toBe(1);
    await deliver(id, 1, 10);
    await nodes.campaign(id, inState("finished"));
  });

  it("that answers 429 is left alone for as long as it asks, and nobody fails", async () => {
    nodes.carrier.behave({ status: 429, headers: { "retry-after": "1" } });
    const id = await run(10);
    await expect.poll(() => bodiesOf(id).length, { timeout: 5_000 }).toBe(1);
    const refusedAt = performance.now();
    nodes.carrier.behave("accept");
    await nodes.campaign(id, (row) => row.queued === 10);
    expect(performance.now() - refusedAt).toBeGreaterThan(850);
    expect(bodiesOf(id)).toHaveLength(2);
    await deliver(id, 1, 10);
    await nodes.campaign(id, inState("finished"));
  });

  it("that refuses a whole body pauses the campaign, which says why and goes on after a resume", async () => {
    nodes.carrier.behave({ status: 401 });
    const id = await run(20);
    expect(await nodes.campaign(id, inState("paused"))).toMatchObject({ last_error: "carrier_refused_401", failed: 0, pending: 20 });
    nodes.carrier.behave("accept");
    expect((await nodes.command("resume", workspace.key, id)).status).toBe(202);
    expect(await nodes.campaign(id, (row) => row.queued === 20)).toMatchObject({ status: "running", last_error: null });
    await deliver(id, 1, 20);
    await nodes.campaign(id, inState("finished"));
  });
});

describe("pause, resume and cancel", () => {
  it("pause lets no new body begin, resume goes on where it stood, and nobody is texted twice", async () => {
    let bodiesAtCommit = 0;
    let id = "";
    nodes.carrier.onBody = async (body) => {
      if (body.batch_id !== id || bodiesOf(id).length !== 1) return;
      const paused = await nodes.command("pause", workspace.key, id);
      expect(paused.status).toBe(202);
      expect(paused.body).toMatchObject({ status: "paused" });
      expect(paused.body.in_flight_max).toBeGreaterThanOrEqual(10);
      bodiesAtCommit = firstRowsOf(id).size;
    };
    id = await nodes.create(workspace.key, 200);
    await nodes.command("run", workspace.key, id);
    await nodes.campaign(id, inState("paused"));
    await expect.poll(() => chunkStates(id), { timeout: 5_000 }).not.toContain("leased");
    const bodiesAtPause = firstRowsOf(id).size;
    // one a leased chunk, four chunks at once
    expect(bodiesAtPause).toBeLessThanOrEqual(bodiesAtCommit + 4);
    expect(bodiesAtPause).toBeLessThan(20);
    expect((await nodes.campaign(id)).queued).toBeLessThanOrEqual(bodiesAtPause * 10);
    await nodes.receive(id, [1], "sent"); // receipts go on
    expect(await nodes.campaign(id)).toMatchObject({ status: "paused", parts_sent: 1n });
    expect((await nodes.command("pause", workspace.key, id)).body).toMatchObject({ code: "state_conflict", current: "paused" });

    expect((await nodes.command("resume", workspace.key, id)).status).toBe(202);
    await nodes.campaign(id, (row) => row.pending === 0);
    expectSameWords(id, 20);
    await deliver(id, 1, 200);
    await nodes.campaign(id, inState("finished"));
  });

  it("cancel of a ready campaign ends it, and no credit moves", async () => {
    const before = await readCredit();
    const id = await nodes.create(workspace.key, 15);
    expect((await nodes.command("cancel", workspace.key, id)).body).toMatchObject({ status: "canceling", hold_id: null });
    expect(await nodes.campaign(id, inState("canceled"))).toMatchObject({ canceled: 15, hold_id: null });
    expect(await readCredit()).toEqual(before);
    expect((await nodes.command("run", workspace.key, id)).body).toMatchObject({ code: "state_conflict", current: "canceled" });
  });

  it("cancel while the carrier is down cancels everybody, and gives the whole hold back", async () => {
    const before = await readCredit();
    await nodes.carrier.setUp(false);
    const id = await run(60);
    await expect.poll(() => chunkStates(id), { timeout: 5_000 }).toContain("leased");
    expect((await nodes.command("cancel", workspace.key, id)).status).toBe(202);
    expect(await nodes.campaign(id, inState("canceled"))).toMatchObject({ canceled: 60, parts_sent: 0n });
    expect(await readCredit()).toEqual(before);
  });

  it("cancel with bodies in flight keeps what the carrier took, follows it to its end, and charges it", async () => {
    let id = "";
    let bodies = 0;
    nodes.carrier.onBody = async (body) => {
      if (body.batch_id === id && ++bodies === 1) await nodes.command("cancel", workspace.key, id);
    };
    id = await nodes.create(workspace.key, 200);
    await nodes.command("run", workspace.key, id);
    const canceling = await nodes.campaign(id, (row) => row.pending === 0 && row.unknown === 0);
    expect(canceling.queued).toBe(firstRowsOf(id).size * 10);
    expect(canceling.canceled).toBe(200 - canceling.queued);
    await nodes.receive(id, rows(1, 200), "delivered");
    const ended = await nodes.campaign(id, inState("canceled"));
    expect(ended).toMatchObject({ delivered: canceling.queued, canceled: canceling.canceled });
    expect(Number(ended.parts_sent)).toBe(canceling.queued);
    await expectHoldClosed(ended);
  });

  it("cancel while a body has no answer waits for its receipts as unknown", async () => {
    nodes.carrier.behave("swallow");
    const id = await run(10);
    await expect.poll(() => bodiesOf(id).length, { timeout: 5_000 }).toBeGreaterThan(0);
    await nodes.command("cancel", workspace.key, id);
    await nodes.campaign(id, (row) => row.unknown === 10);
    await deliver(id, 1, 10);
    expect(await nodes.campaign(id, inState("canceled"))).toMatchObject({ delivered: 10, parts_sent: 10n });
  });
});

describe("the credit service", () => {
  it("silent at run leaves the campaign reserving, and it runs by itself once the service is back", async () => {
    const id = await nodes.create(workspace.key, 10);
    await nodes.http("GET", "/bulksms", { key: workspace.key }); // the key is known before rpc goes
    await nodes.credit.stopRpc();
    const answer = await nodes.command("run", workspace.key, id);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ status: "reserving" });
    await nodes.credit.startRpc();
    await nodes.campaign(id, (row) => row.queued === 10);
    await deliver(id, 1, 10);
    await nodes.campaign(id, inState("finished"));
  });

  it("silent during a cancel of a reserving campaign ends it without a hold, and a late reserve is refused", async () => {
    const before = await readCredit();
    const id = await nodes.create(workspace.key, 10);
    await nodes.credit.stopRpc();
    expect((await nodes.command("run", workspace.key, id)).body).toMatchObject({ status: "reserving" });
    expect((await nodes.command("cancel", workspace.key, id)).body).toMatchObject({ status: "canceling" });
    await nodes.campaign(id, (row) => row.canceled === 10);
    await nodes.credit.startRpc();
    const { hold_id } = await nodes.campaign(id, inState("canceled"));
    expect(await readCredit()).toEqual(before);
    const [hold] = await nodes.credit.owner`select state, settled, amount - released as kept from credit_hold where id = ${hold_id}`;
    expect(hold).toMatchObject({ state: "closed", settled: 0n, kept: 0n });
  });
});

describe("a reserve that is answered late", () => {
  it("leaves the hold of a campaign that ran meanwhile and is being canceled to its charges", async () => {
    const id = await run(10);
    const { hold_id } = await nodes.campaign(id, (row) => row.queued === 10);
    const stale = { ...(await readCampaign(nodes.owner, id)), status: "reserving" } as Campaign;
    await nodes.command("cancel", workspace.key, id);
    const credit = openCreditClient({ address: nodes.credit.rpcAddress, internalToken: nodes.credit.internalToken });
    try {
      expect(await reserve({ sql: nodes.owner, credit }, stale, 5_000)).toMatchObject({ kind: "elsewhere" });
    } finally {
      credit.close();
    }
    await deliver(id, 1, 10);
    expect(await nodes.campaign(id, inState("canceled"))).toMatchObject({ delivered: 10, hold_id });
    const [hold] = await nodes.credit.owner`select settled, released, state from credit_hold where id = ${hold_id}`;
    expect(hold).toEqual({ settled: 1_000n, released: 0n, state: "closed" });
  });
});

describe("a reserve that is answered", () => {
  it("for another hold than the campaign's lets nothing run, and is given back", async () => {
    const poor = await nodes.credit.makeWorkspace("0.9");
    const id = await nodes.create(poor.key, 10);
    expect((await nodes.command("run", poor.key, id)).status).toBe(402);
    // as a process that slept since an earlier run would see it, while the next one is being
    // reserved
    const earlierHold = uuidV7();
    await nodes.owner`update bulksms set status = 'reserving', status_at = now() + interval '1 h', next_ring_at = now() + interval '1 h' where id = ${id}`;
    const stale = { ...(await readCampaign(nodes.owner, id)), holdId: earlierHold, costMilli: 500n } as Campaign;
    const credit = openCreditClient({ address: nodes.credit.rpcAddress, internalToken: nodes.credit.internalToken });
    try {
      expect(await reserve({ sql: nodes.owner, credit }, stale, 5_000)).toMatchObject({ kind: "elsewhere" });
    } finally {
      credit.close();
    }
    expect(await nodes.campaign(id)).toMatchObject({ status: "reserving", started_at: null });
    const [hold] = await nodes.credit.owner`select released, state from credit_hold where id = ${earlierHold}`;
    expect(hold).toEqual({ released: 500n, state: "closed" });
    await nodes.owner`update bulksms set status = 'ready' where id = ${id}`;
  });
});

describe("the sweeper", () => {
  it("goes on after S3 where the process died before it asked for credit, and after a short credit it is ready again", async () => {
    const id = await nodes.create(workspace.key, 10);
    const poor = await nodes.credit.makeWorkspace("0.1");
    const short = await nodes.create(poor.key, 10);
    for (const each of [id, short]) {
      await nodes.owner`
        with b as (update bulksms set status = 'reserving', hold_id = ${uuidV7()}, status_at = now() - interval '3 s' where id = ${each} returning *)
        insert into bulksms_run (hold_id, bulksms_id, amount) select hold_id, id, parts * price from b`;
    }
    await nodes.campaign(id, (row) => row.queued === 10);
    expect(await nodes.campaign(short, inState("ready"))).toMatchObject({ last_error: "insufficient_credit" });
    await deliver(id, 1, 10);
    await nodes.campaign(id, inState("finished"));
  });

  it("does not leave a campaign in reserving whose hold's id rpc refuses: ready again, and the next run draws another", async () => {
    const before = await readCredit();
    const [refused, held] = [await nodes.create(workspace.key, 10), await nodes.create(workspace.key, 10)];
    const heldId = randomUUID();
    await holdCredit(nodes.credit.owner, { workspaceId: workspace.id, holdId: heldId, amountMilli: 1_000n });
    for (const [id, holdId] of [
      [refused, randomUUID()],
      [held, heldId],
    ] as const) {
      await nodes.owner`
        with b as (update bulksms set status = 'reserving', hold_id = ${holdId}, price = 100, status_at = now() - interval '3 s' where id = ${id} returning *)
        insert into bulksms_run (hold_id, bulksms_id, amount) select hold_id, id, parts * price from b`;
    }
    expect(await nodes.campaign(refused, inState("ready"))).toMatchObject({ last_error: "request_invalid" });
    expect((await nodes.command("run", workspace.key, refused)).status).toBe(202);
    for (const id of [refused, held]) {
      await nodes.campaign(id, (row) => row.queued === 10);
      await deliver(id, 1, 10);
      await nodes.campaign(id, inState("finished"));
    }
    expect((await readCredit()).spent - before.spent).toBe(2_000n);
  });

  it("sends charges again that were claimed and never enqueued, and each is taken once", async () => {
    const before = await readCredit();
    const id = await run(10);
    await nodes.campaign(id, (row) => row.queued === 10);
    await nodes.owner`create function forget() returns trigger language plpgsql as $$ begin new.next_try_at := now() + interval '1 s'; new.tries := 1; return new; end $$`;
    await nodes.owner`create trigger forget before insert on credit_outbox for each row execute function forget()`;
    await deliver(id, 1, 10);
    await nodes.owner`drop trigger forget on credit_outbox`;
    await nodes.owner`drop function forget`;
    await nodes.campaign(id, inState("finished"));
    expect((await readCredit()).spent - before.spent).toBe(1_000n);
  });

  it("finds a chunk whose worker died, although nobody rings", async () => {
    const id = await nodes.create(workspace.key, 20);
    await nodes.owner`update bulksms_chunk set state = 'leased', lease_owner = ${randomUUID()}, lease_until = now() + interval '700 ms', attempt = 1
      where bulksms_id = ${id}`;
    await nodes.command("run", workspace.key, id);
    await nodes.campaign(id, (row) => row.queued === 20);
    await deliver(id, 1, 20);
    await nodes.campaign(id, inState("finished"));
  });

  it("releases what a settling campaign still holds, also when the release was made and its answer lost", async () => {
    const id = await run(10);
    await nodes.campaign(id, (row) => row.queued === 10);
    await nodes.receive(id, rows(1, 9), "delivered");
    await nodes.owner`update bulksms_info set status = 'failed', done_at = now() where bulksms_id = ${id} and row_no = 10`;
    await expect
      .poll(async () => (await nodes.owner`select from credit_outbox where bulksms_id = ${id} and confirmed_at is null`).length, {
        timeout: 5_000,
      })
      .toBe(0);
    const { hold_id } = await nodes.campaign(id);
    await nodes.owner`update bulksms set status = 'settling', queued = 0, failed = 1 where id = ${id}`;
    expect(await nodes.campaign(id, inState("finished"))).toMatchObject({ parts_sent: 9n });
    const [hold] = await nodes.credit.owner`select settled, released, state from credit_hold where id = ${hold_id}`;
    expect(hold).toEqual({ settled: 900n, released: 100n, state: "closed" });
    await nodes.owner`update bulksms set status = 'settling', ended_at = null where id = ${id}`;
    await nodes.campaign(id, inState("finished"));
    const [again] = await nodes.credit.owner`select settled, released, state from credit_hold where id = ${hold_id}`;
    expect(again).toEqual(hold);
  });

  it("believes the rows and not the counters at the end", async () => {
    const id = await run(10);
    await nodes.campaign(id, (row) => row.queued === 10);
    await nodes.owner`update bulksms set queued = 0, delivered = 10 where id = ${id}`;
    // the first ring after the lie may have been on its way before it; the second comes after an
    // answer to the first
    const { ring_count: rings } = await nodes.campaign(id);
    await expect.poll(async () => (await nodes.campaign(id)).ring_count, { timeout: 20_000 }).toBeGreaterThan(rings + 1);
    expect(await nodes.campaign(id)).toMatchObject({ status: "running" });
    await nodes.owner`update bulksms set queued = 10, delivered = 0 where id = ${id}`;
    await deliver(id, 1, 10);
    await nodes.campaign(id, inState("finished"));
  });

  it("ends an import whose process died, and purges its rows", async () => {
    const id = await nodes.create(workspace.key, 10);
    await nodes.owner`update bulksms set status = 'importing', import_lease_owner = ${randomUUID()}, import_lease_until = now() - interval '1 s' where id = ${id}`;
    await nodes.campaign(id, inState("import_failed"));
    expect(await nodes.owner`select from bulksms_info where bulksms_id = ${id}`).toHaveLength(0);
  });
});

describe("several workers", () => {
  it("share the chunks of one campaign, and what goes out again has the same words", async () => {
    const others = await Promise.all([nodes.startWorker(), nodes.startWorker()]);
    let isShared = false;
    nodes.carrier.onBody = async () => {
      isShared ||= (await Promise.all(others.map((other) => other.submitted()))).some((messages) => messages > 0);
      // a carrier takes its time
      if (!isShared) await sleep(100);
    };
    const id = await run(1_000);
    await nodes.campaign(id, (row) => row.queued === 1_000, 30_000);
    expect(isShared).toBe(true);
    expectSameWords(id, 100);
    await Promise.all([deliver(id, 1, 1_000), deliver(id, 1, 1_000)]);
    const ended = await nodes.campaign(id, inState("finished"));
    expect(ended).toMatchObject({ delivered: 1_000, parts_sent: 1_000n });
    await Promise.all(others.map((other) => other.stop()));
    await expectHoldClosed(ended);
  });
});

/** Distinct bodies: a chunk that was submitted again counts once. */
const firstRowsOf = (id: string) => new Set(bodiesOf(id).map((body) => body.messages[0]?.row_no));

/** A carrier that was slow may get a body again: then word for word. */
function expectSameWords(id: string, chunks: number): void {
  expect(firstRowsOf(id).size).toBe(chunks);
  expect(new Set(bodiesOf(id).map((body) => JSON.stringify(body))).size).toBe(chunks);
}

async function expectHoldClosed(campaign: { hold_id: string; parts_sent: bigint }): Promise<void> {
  const [hold] = await nodes.credit
    .owner`select state, settled, amount - settled - released as kept from credit_hold where id = ${campaign.hold_id}`;
  expect(hold).toEqual({ state: "closed", settled: campaign.parts_sent * 100n, kept: 0n });
}

const bodiesOf = (id: string) => nodes.carrier.bodies.filter((body) => body.batch_id === id);
async function chunkStates(id: string): Promise<string[]> {
  const chunks = await nodes.owner`select state from bulksms_chunk where bulksms_id = ${id}`;
  return chunks.map((chunk) => chunk.state);
}
