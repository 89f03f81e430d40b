// What callbacks promise, on rows: at least once, in order, the newest state alone, never forgotten,
// given up after a day, and no workspace waits for the receivers of another.
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { randomRuns } from "../../../testing/random_runs.ts";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { type CallbackBody, versionOf } from "../../contracts/messages.ts";
import { type MessageStatus, messageLeadsTo, type ReceiptStatus } from "../../contracts/states.ts";
import { createLog } from "../../platform/log.ts";
import { inTransaction } from "../../platform/postgres.ts";
import { lockCampaign } from "../lifecycle/campaign_rows.ts";
import { endMessages } from "../lifecycle/end_messages.ts";
import { emptyVerdicts, moveMessages, setVerdict } from "../lifecycle/move_messages.ts";
import { type CallbackLoop, type PostCallback, startCallbackLoop } from "./callback_loop.ts";
import { leaseWorkspaces, readDueMessages } from "./callback_rows.ts";

let rows: SalesRows;
beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
});
afterAll(() => rows?.close());
beforeEach(async () => {
  await rows.owner`truncate message_callback, callback_account`;
});

const accepted = { failure: null, retryAfterMs: 0, isOriginFailing: false };
const refused = { failure: "status_500", retryAfterMs: 0, isOriginFailing: false };
const down = { failure: "no_answer", retryAfterMs: 0, isOriginFailing: true };

interface Call {
  id: string;
  url: string;
  data: CallbackBody["data"];
}

/** A loop that only runs when it is told to, and what it calls. */
function open(answer: (call: Call) => Promise<Awaited<ReturnType<PostCallback>>> | Awaited<ReturnType<PostCallback>> = () => accepted) {
  const calls: Call[] = [];
  const givenUp: number[] = [];
  const loop: CallbackLoop = startCallbackLoop({
    sql: rows.sql,
    intervalMs: 600_000,
    secretsOf: async () => ["whsec_c2VjcmV0"],
    async post(url, { id, text }) {
      const call = { id, url, data: (JSON.parse(text) as CallbackBody).data };
      calls.push(call);
      return answer(call);
    },
    onAttempt() {},
    onGivenUp: (messages) => void givenUp.push(messages),
    log: createLog("test", { level: "fatal", format: "json" }),
  });
  return { loop, calls, givenUp };
}

/** A running message, of which nobody has been told anything. */
async function plant(recipients = 1, { workspaceId = randomUUID() as string, url = "https://app.example/hook" } = {}): Promise<string> {
  const { owner } = rows;
  const more = {
    workspace_id: workspaceId,
    is_message: true,
    callback_url: url,
    contacts: recipients,
    parts: recipients,
    pending: recipients,
  };
  const id = await rows.insertCampaign(more);
  await owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli)
    select ${id}, n, 358400000000 + n, 1, 100 from generate_series(1, ${recipients}::int) n`;
  await owner`insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to) values (${id}, 1, 1, ${recipients}, 0)`;
  await owner`insert into callback_account (workspace_id) values (${workspaceId}) on conflict do nothing`;
  await owner`insert into message_callback (bulksms_id, workspace_id, told)
    values (${id}, ${workspaceId}, array_fill('pending'::message_status, array[${recipients}::int]))`;
  return id;
}

/** As receipts do. */
const move = (id: string, status: ReceiptStatus, rowNos: readonly number[] = [1]) =>
  inTransaction(rows.sql, async (transaction) => {
    await lockCampaign(transaction, id);
    const verdicts = emptyVerdicts();
    for (const rowNo of rowNos) setVerdict(verdicts, rowNo, { status, errorCode: null });
    return moveMessages(transaction, id, verdicts);
  });
const callbackOf = async (id: string) => {
  const [row] = await rows.owner`select *, told::text[] as told, due_at <= now() as is_due from message_callback where bulksms_id = ${id}`;
  return row as Record<string, unknown> & { told: MessageStatus[] };
};
const makeDue = (id: string) => rows.owner`update message_callback set due_at = now() - interval '1 s' where bulksms_id = ${id}`;
const states = (calls: readonly Call[]) => calls.map(({ data }) => data.status);

describe("a change", () => {
  it("is told with all that an application needs, once, and then rests", async () => {
    const id = await plant();
    const { loop, calls } = open();
    await loop.tellDue();
    expect(calls).toEqual([]);
    for (const status of ["queued", "sent", "delivered"] as const) {
      await move(id, status);
      await loop.tellDue();
      await loop.tellDue();
    }
    expect(calls.map((call) => call.id)).toEqual(["queued", "sent", "delivered"].map((status) => `${id}.1.${status}`));
    expect(calls.at(-1)).toMatchObject({
      url: "https://app.example/hook",
      data: { message_id: id, id: `${id}.1`, to: "+358400000001", status: "delivered", error_code: null, parts: 1, cost: "0.1" },
    });
    expect(await callbackOf(id)).toMatchObject({ told: ["delivered"], due_at: null, waiting_since: null, tries: 0, last_error: null });
    await loop.close();
  });

  it("by our own hand is told too: expired, canceled", async () => {
    const id = await plant(2);
    await inTransaction(rows.sql, async (transaction) => {
      await lockCampaign(transaction, id);
      await endMessages(transaction, { bulksmsId: id, firstRow: 2, lastRow: 2 }, ["pending"], "canceled");
      return endMessages(transaction, { bulksmsId: id, firstRow: 1, lastRow: 1 }, ["pending"], "unknown");
    });
    const { loop, calls } = open();
    await loop.tellDue();
    expect(calls.map(({ data }) => [data.id, data.status]).sort()).toEqual([
      [`${id}.1`, "unknown"],
      [`${id}.2`, "canceled"],
    ]);
    await loop.close();
  });

  it("that its receiver did not take gives way to a newer one: only the newest is told", async () => {
    const id = await plant();
    let isDown = true;
    const { loop, calls } = open(() => (isDown ? down : accepted));
    await move(id, "queued");
    await loop.tellDue();
    expect(await callbackOf(id)).toMatchObject({ told: ["pending"], tries: 1, last_error: "no_answer", is_due: false });
    await move(id, "sent");
    await move(id, "delivered");
    isDown = false;
    await loop.tellDue();
    expect(states(calls)).toEqual(["queued", "delivered"]);
    expect(await callbackOf(id)).toMatchObject({ told: ["delivered"], tries: 0, last_error: null, due_at: null });
    await loop.close();
  });

  it("while another is being told is told after it, never forgotten", async () => {
    const id = await plant();
    await move(id, "queued");
    const { loop, calls } = open(async ({ data }) => {
      if (data.status === "queued") await move(id, "delivered");
      return accepted;
    });
    await loop.tellDue();
    expect(await callbackOf(id)).toMatchObject({ told: ["queued"], is_due: true });
    await loop.tellDue();
    expect(states(calls)).toEqual(["queued", "delivered"]);
    expect(await callbackOf(id)).toMatchObject({ told: ["delivered"], due_at: null });
    await loop.close();
  });

  it("whose transaction is open while the one before is written down is not forgotten either", async () => {
    const id = await plant();
    await move(id, "queued");
    const { loop, calls } = open();
    let moved: Promise<unknown> = Promise.resolve();
    // it has moved the row and marked it as due, and has not committed: the record waits for it
    await rows.owner.begin(async (transaction) => {
      await transaction`update bulksms_info set status = 'sent' where bulksms_id = ${id}`;
      await transaction`update bulksms set pending = 0, queued = 0, sent = 1, version = version + 1 where id = ${id}`;
      moved = loop.tellDue();
      await expect
        .poll(
          async () =>
            (await rows.owner`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%message_callback%'`).length,
        )
        .toBeGreaterThan(0);
    });
    await moved;
    expect(await callbackOf(id)).toMatchObject({ told: ["queued"], is_due: true });
    await loop.tellDue();
    expect(states(calls)).toEqual(["queued", "sent"]);
    await loop.close();
  });

  it("that a dead worker has told, and not written down, is told again with the same id and the same words", async () => {
    const id = await plant();
    await move(id, "queued");
    const dead = open(() => {
      throw new Error("killed: nothing after the call happens");
    });
    await dead.loop.tellDue();
    await dead.loop.close();
    const { loop, calls } = open();
    await loop.tellDue();
    expect(calls, "its lease is alive").toEqual([]);
    await rows.owner`update callback_account set lease_until = clock_timestamp() - interval '1 s'`;
    await loop.tellDue();
    expect(calls).toEqual(dead.calls);
    expect(await callbackOf(id)).toMatchObject({ told: ["queued"], due_at: null });
    await loop.close();
  });

  it("is told by one of several workers", async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => plant(2)));
    for (const id of ids) await move(id, "queued", [1, 2]);
    const workers = Array.from({ length: 4 }, () => open());
    await Promise.all(workers.map(({ loop }) => loop.tellDue()));
    const told = workers.flatMap(({ calls }) => calls.map(({ id }) => id));
    expect(told.toSorted()).toEqual(ids.flatMap((id) => [`${id}.1.queued`, `${id}.2.queued`]).toSorted());
    await Promise.all(workers.map(({ loop }) => loop.close()));
  });
});

it("whatever fails, each recipient's states are acknowledged in order, and the last one is its newest", async () => {
  const status = fc.constantFrom<ReceiptStatus>("queued", "sent", "delivered", "failed", "undelivered");
  const step = fc.oneof(
    fc.record({ move: status, row: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ answers: fc.array(fc.constantFrom(accepted, refused, down), { minLength: 1, maxLength: 4 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const id = await plant(3);
      let answers: (typeof accepted | typeof refused)[] = [];
      const taken = new Map<string, number[]>();
      const { loop } = open(({ data }) => {
        const answer = answers.shift() ?? accepted;
        if (answer.failure === null) taken.set(data.id, [...(taken.get(data.id) ?? []), data.version]);
        return answer;
      });
      const current = async () =>
        (await rows.owner`select status from bulksms_info where bulksms_id = ${id} order by row_no`).map((row) => row.status);
      for (const one of steps) {
        if ("move" in one) {
          const before = (await current())[one.row - 1] as MessageStatus;
          if (messageLeadsTo(before).includes(one.move)) await move(id, one.move, [one.row]);
        } else {
          ({ answers } = { answers: [...one.answers] });
          await makeDue(id).catch(() => {}); // nothing may be waiting
          await loop.tellDue();
        }
      }
      answers = [];
      await rows.owner`update message_callback set due_at = now(), waiting_since = now() where bulksms_id = ${id}`;
      await loop.tellDue();
      await loop.close();
      for (const versions of taken.values()) expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
      const states = await current();
      expect((await callbackOf(id)).told).toEqual(states);
      for (const [index, state] of states.entries())
        if (state !== "pending") expect(taken.get(`${id}.${index + 1}`)?.at(-1)).toBe(versionOf(state));
    }),
    { numRuns: randomRuns(15) },
  );
}, 60_000);

describe("a receiver that fails", () => {
  it("is tried again with growing waits, and no sooner than it asks", async () => {
    const id = await plant();
    await move(id, "queued");
    const { loop } = open(() => ({ ...refused, retryAfterMs: 0 }));
    const waitS = async () => {
      const [row] =
        await rows.owner`select extract(epoch from due_at - now())::float8 as wait from message_callback where bulksms_id = ${id}`;
      return Number(row?.wait);
    };
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      await makeDue(id);
      await loop.tellDue();
      waits.push(await waitS());
    }
    for (const [attempt, wait] of waits.entries()) {
      const nominal = Math.min(2 ** attempt, 900);
      expect(wait).toBeLessThanOrEqual(nominal);
      expect(wait).toBeGreaterThan(nominal - 30); // a busy machine
    }
    expect(await callbackOf(id)).toMatchObject({ tries: 12, last_error: "status_500" });
    await loop.close();
    const asks = open(() => ({ failure: "status_503", retryAfterMs: 7_200_000, isOriginFailing: true }));
    await makeDue(id);
    await asks.loop.tellDue();
    expect(await waitS()).toBeGreaterThan(3_600);
    await asks.loop.close();
  });

  it("is given up after a day, visibly; the next change begins anew", async () => {
    const id = await plant();
    await move(id, "queued");
    let isDown = true;
    const { loop, calls, givenUp } = open(() => (isDown ? refused : accepted));
    await rows.owner`update message_callback set waiting_since = now() - interval '23 hours 50 minutes' where bulksms_id = ${id}`;
    await loop.tellDue();
    expect(await callbackOf(id)).toMatchObject({ given_up_at: null, tries: 1 });
    await rows.owner`update message_callback set waiting_since = now() - interval '24 hours 1 minute', due_at = now() where bulksms_id = ${id}`;
    await loop.tellDue();
    expect(await callbackOf(id)).toMatchObject({
      due_at: null,
      waiting_since: null,
      tries: 2,
      last_error: "status_500",
      told: ["pending"],
    });
    expect((await callbackOf(id)).given_up_at).toBeInstanceOf(Date);
    expect(givenUp).toEqual([1]);
    await loop.tellDue();
    expect(calls).toHaveLength(2);
    isDown = false;
    await move(id, "delivered");
    await loop.tellDue();
    expect(states(calls)).toEqual(["queued", "queued", "delivered"]);
    expect(await callbackOf(id)).toMatchObject({ given_up_at: null, told: ["delivered"], tries: 0 });
    await loop.close();
  });

  it("for one recipient does not hold back the others of its message", async () => {
    const id = await plant(3);
    await move(id, "queued", [1, 2, 3]);
    const { loop } = open(({ data }) => (data.id.endsWith(".2") ? refused : accepted));
    await loop.tellDue();
    expect(await callbackOf(id)).toMatchObject({ told: ["queued", "pending", "queued"], tries: 1, last_error: "status_500" });
    await loop.close();
  });

  it("costs a few calls a turn, however many messages wait for it; other receivers of the workspace are told", async () => {
    const workspaceId = randomUUID();
    const ids = await Promise.all(Array.from({ length: 40 }, () => plant(1, { workspaceId, url: "https://dead.example/" })));
    const alive = await plant(1, { workspaceId, url: "https://alive.example/" });
    for (const id of [...ids, alive]) await move(id, "queued");
    const { loop, calls } = open(({ url }) => (url.includes("dead") ? down : accepted));
    await loop.tellDue();
    expect(calls.filter(({ url }) => url.includes("dead")).length).toBeLessThanOrEqual(8);
    expect(await callbackOf(alive)).toMatchObject({ told: ["queued"] });
    const waiting = await rows.owner`select due_at <= now() as is_due, last_error from message_callback where due_at is not null`;
    expect(waiting).toHaveLength(40);
    expect(waiting.filter(({ last_error }) => last_error !== "no_answer")).toEqual([]);
    await loop.close();
  });
});

describe("a workspace", () => {
  it("with receivers that hang, and thousands of messages, delays nobody else", async () => {
    const slow = randomUUID();
    for (let count = 0; count < 60; count++) await move(await plant(1, { workspaceId: slow, url: "https://slow.example/" }), "queued");
    const quick = await plant(1, { url: "https://quick.example/" });
    await move(quick, "queued");
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let slowAtOnce = 0;
    const { loop, calls } = open(async ({ url }) => {
      if (url.includes("slow")) {
        slowAtOnce++;
        await gate;
      }
      return accepted;
    });
    const turns = loop.tellDue();
    await expect.poll(async () => (await callbackOf(quick)).told).toEqual(["queued"]);
    expect(slowAtOnce).toBeLessThanOrEqual(8);
    // while it has its turn, nobody else calls for it
    const other = open();
    await other.loop.tellDue();
    expect(other.calls).toEqual([]);
    letGo();
    await turns;
    expect(calls.filter(({ url }) => url.includes("slow"))).toHaveLength(50);
    await Promise.all([loop.close(), other.loop.close()]);
  });

  it("that was served last waits for the others", async () => {
    const [first, second, third] = await Promise.all([plant(), plant(), plant()]);
    for (const id of [first, second, third]) await move(id as string, "queued");
    const served: string[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const [lease] = await leaseWorkspaces(rows.sql, { most: 1, leaseMs: 60_000 });
      const [due] = await readDueMessages(rows.sql, lease?.workspaceId as string, 50);
      served.push(due?.bulksmsId as string);
      await rows.owner`update callback_account set lease_owner = null, lease_until = null`;
    }
    expect(served.slice(0, 3).toSorted()).toEqual([first, second, third].toSorted());
    expect(served.slice(3)).toEqual(served.slice(0, 3));
  });
});
