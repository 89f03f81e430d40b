import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import type { SubmitOutcome } from "../../carriers/carrier.ts";
import type { SubmitRequest } from "../../contracts/receipts.ts";
import { createLog } from "../../platform/log.ts";
import type { Sql } from "../../platform/postgres.ts";
import { cancelChunks, cancelStep } from "../lifecycle/cancel.ts";
import { pause } from "../lifecycle/commands.ts";
import { emptyVerdicts, moveMessages, setVerdict } from "../lifecycle/move_messages.ts";
import { finishChunk, intendSubmit, type LeasedChunk, leaseChunk, releaseChunk } from "./chunk_leases.ts";
import { type DispatchOptions, dispatchNextChunk } from "./dispatch.ts";
import { type CampaignText, readCampaignText } from "./pending_messages.ts";

let rows: SalesRows;
let owner: Sql;
let sql: Sql;

beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
  ({ owner, sql } = rows);
});
afterAll(async () => {
  await rows?.close();
});

/** A running campaign of `chunks` chunks of 10 rows each. */
async function seed(chunks: number): Promise<string> {
  const contacts = chunks * 10;
  const id = await rows.insertCampaign({ contacts, parts: contacts, pending: contacts });
  await owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli) select ${id}, n, 358400000000 + n, 1, 100 from generate_series(1, ${contacts}::int) n`;
  await owner`insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to)
    select ${id}, n, n * 10 - 9, n * 10, n * 10 - 10 from generate_series(1, ${chunks}::int) n`;
  return id;
}

type Submit = (body: SubmitRequest, timeoutMs?: number) => Promise<SubmitOutcome>;
const accept: SubmitOutcome = { kind: "answered", rejected: new Map() };

function optionsFor(submit: Submit, more: Partial<DispatchOptions> = {}) {
  const bodies: SubmitRequest[] = [];
  const options: DispatchOptions = {
    sql,
    carrier: {
      submit(body, timeoutMs) {
        bodies.push(body);
        return submit(body, timeoutMs);
      },
      close: async () => {},
    },
    leaseMs: 1_000,
    submitTimeoutMs: 300,
    log: createLog("test", { level: "fatal", format: "json" }),
    isStopping: () => false,
    quietMs: () => 0,
    onThrottled: () => {},
    onLeased: () => {},
    onProgress: () => {},
    onSubmit: () => {},
    pauseRefused: async () => {},
    ...more,
  };
  return { options, bodies };
}

const textOf = async (id: string) => (await readCampaignText(sql, id)) as CampaignText;
const readChunk = async (id: string, chunkNo = 1) => {
  const [row] = await owner`select * from bulksms_chunk where bulksms_id = ${id} and chunk_no = ${chunkNo}`;
  return row as Record<string, unknown>;
};
const countRows = async (id: string) => {
  const rows = await owner`select status, count(*)::int as n from bulksms_info where bulksms_id = ${id} group by status`;
  return Object.fromEntries(rows.map((row) => [row.status, row.n]));
};
const lease = async (id: string, leaseMs = 1_000) => (await leaseChunk(sql, { bulksmsId: id, leaseMs })) as LeasedChunk;
const endLease = (id: string) =>
  owner`update bulksms_chunk set lease_until = clock_timestamp() - interval '1 s' where bulksms_id = ${id} and state = 'leased'`;
const intentWaits = () =>
  expect
    .poll(async () => (await owner`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%lease_until%'`).length, {
      timeout: 5_000,
    })
    .toBeGreaterThan(0);
const setStatus = (id: string, status: string) => owner`update bulksms set status = ${status} where id = ${id}`;

describe("a chunk", () => {
  it("goes to one of many workers that want it, and each to another", async () => {
    const id = await seed(5);
    const leases = await Promise.all(Array.from({ length: 8 }, () => lease(id)));
    const chunkNos = leases.filter((each) => each !== null).map((each) => each.chunkNo);
    expect(new Set(chunkNos).size).toBe(chunkNos.length);
    const second = await Promise.all(Array.from({ length: 8 }, () => lease(id)));
    const all = [...chunkNos, ...second.filter((each) => each !== null).map((each) => each.chunkNo)];
    expect(all.sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it("is leased only while its campaign runs", async () => {
    const id = await seed(1);
    for (const status of ["paused", "canceling", "settling"]) {
      await setStatus(id, status);
      expect(await lease(id)).toBeNull();
    }
  });

  it("goes from lease to done: intent before the submit, answers after it", async () => {
    const id = await seed(1);
    const { options, bodies } = optionsFor(async (body) => {
      const chunk = await readChunk(id);
      expect(chunk).toMatchObject({ state: "leased", intent_to: 10 });
      expect(new Date(body.valid_until).getTime()).toBe((chunk.submitted_at as Date).getTime() + 100_000);
      return { kind: "answered", rejected: new Map([[4, "no_sms_service"]]) };
    });
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("done");
    expect(bodies[0]?.messages).toHaveLength(10);
    expect(await countRows(id)).toEqual({ queued: 9, failed: 1 });
    expect(await readChunk(id)).toMatchObject({ state: "done", lease_owner: null });
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("none");
  });

  it("is submitted again after silence with the same words and the same valid_until, and fails nobody", async () => {
    const id = await seed(1);
    let attempts = 0;
    const { options, bodies } = optionsFor(async () =>
      ++attempts < 3 ? { kind: "silent", isWithoutEffect: false, reason: "carrier answered 503" } : accept,
    );
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("done");
    expect(bodies).toHaveLength(3);
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(await countRows(id)).toEqual({ queued: 10 });
  });

  it("whose worker died is taken over after the lease, and resubmitted with its first valid_until", async () => {
    const id = await seed(1);
    const dead = await lease(id);
    const intent = await intendSubmit(sql, dead, 1_000);
    expect(await lease(id)).toBeNull();
    await endLease(id);
    const { options, bodies } = optionsFor(async () => accept);
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("done");
    expect(bodies[0]?.valid_until).toBe(intent?.validUntil.toISOString());
    expect(await readChunk(id)).toMatchObject({ state: "done", attempt: 2 });
  });

  it("whose worker was frozen past its lease is not submitted again by it, but its answers are recorded", async () => {
    const id = await seed(1);
    let wake = (_outcome: SubmitOutcome) => {};
    let hasBody = () => {};
    const begun = new Promise<void>((resolve) => {
      hasBody = resolve;
    });
    const frozen = optionsFor(() => {
      hasBody();
      return new Promise((resolve) => {
        wake = resolve;
      });
    });
    const first = dispatchNextChunk(frozen.options, await textOf(id));
    await begun;
    await endLease(id);
    const other = optionsFor(async () => ({ kind: "silent", isWithoutEffect: false, reason: "busy" }), {
      isStopping: () => other.bodies.length > 0,
    });
    expect(await dispatchNextChunk(other.options, await textOf(id))).toBe("stopped");
    expect(await countRows(id)).toEqual({ pending: 10 });
    wake(accept);
    expect(await first).toBe("done");
    expect(await countRows(id)).toEqual({ queued: 10 });
    expect(frozen.bodies).toHaveLength(1);
    // the chunk is open again: the next holder finds nothing to submit and closes it
    const next = optionsFor(async () => accept);
    expect(await dispatchNextChunk(next.options, await textOf(id))).toBe("done");
    expect(next.bodies).toHaveLength(0);
    expect(await readChunk(id)).toMatchObject({ state: "done" });
  });

  it("whose lease was lost fails its next intent, so the retry of a frozen worker never reaches the carrier", async () => {
    const id = await seed(1);
    const { options, bodies } = optionsFor(async () => {
      await endLease(id);
      await lease(id);
      return { kind: "silent", isWithoutEffect: false, reason: "reset" };
    });
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("stopped");
    expect(bodies).toHaveLength(1);
    expect(await readChunk(id)).toMatchObject({ state: "leased", attempt: 2 });
  });

  it("whose lease has passed fails its next intent, also when nobody has taken it over", async () => {
    const id = await seed(1);
    let submits = 0;
    const { options, bodies } = optionsFor(async () => {
      if (submits++ > 0) return accept;
      await endLease(id);
      return { kind: "silent", isWithoutEffect: false, reason: "reset" };
    });
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("stopped");
    expect(bodies).toHaveLength(1);
    expect(await readChunk(id)).toMatchObject({ state: "open", attempt: 1, intent_to: 10 });
  });

  it("is given no longer for its answer than its lease lives", async () => {
    const id = await seed(1);
    const times: (number | undefined)[] = [];
    const submit: Submit = async (_, timeoutMs) => {
      times.push(timeoutMs);
      return accept;
    };
    expect(await dispatchNextChunk(optionsFor(submit, { leaseMs: 10_000, submitTimeoutMs: 11_000 }).options, await textOf(id))).toBe(
      "done",
    );
    expect(times[0]).toBeLessThanOrEqual(10_000);
    expect(Number.isInteger(times[0])).toBe(true); // timers of HTTP clients take no other
    expect(times[0]).toBeGreaterThan(3_000);
  });

  it("is not begun when what is left of the lease is too short for an answer", async () => {
    const id = await seed(1);
    const { options, bodies } = optionsFor(async () => accept, { submitTimeoutMs: 6_000 });
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("late");
    expect(bodies).toHaveLength(0);
    expect(await readChunk(id)).toMatchObject({ state: "open", intent_to: 0, submitted_at: null });
  });

  it("stops between attempts when its campaign is paused, and is open for the resume", async () => {
    const id = await seed(1);
    const { options, bodies } = optionsFor(async () => {
      await setStatus(id, "paused");
      return { kind: "silent", isWithoutEffect: false, reason: "down" };
    });
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("stopped");
    expect(bodies).toHaveLength(1);
    expect(await readChunk(id)).toMatchObject({ state: "open", intent_to: 10 });
    await setStatus(id, "running");
    const again = optionsFor(async () => accept);
    await dispatchNextChunk(again.options, await textOf(id));
    expect(again.bodies[0]).toEqual(bodies[0]);
    expect(await countRows(id)).toEqual({ queued: 10 });
  });

  it("that never reached the carrier is untouched again: the deadline of its rows has not begun", async () => {
    const id = await seed(1);
    const { options } = optionsFor(async () => {
      await setStatus(id, "paused");
      return { kind: "silent", isWithoutEffect: true, reason: "refused connection" };
    });
    await dispatchNextChunk(options, await textOf(id));
    expect(await readChunk(id)).toMatchObject({ state: "open", intent_to: 0, submitted_at: null });
  });

  it("that waited for a carrier that was down meets it with its whole deadline, not with one that is over", async () => {
    const id = await seed(1);
    let attempts = 0;
    const { options, bodies } = optionsFor(async () => {
      attempts++;
      if (attempts === 1) await owner`update bulksms_chunk set submitted_at = now() - interval '1 hour' where bulksms_id = ${id}`;
      return attempts < 3 ? { kind: "silent", isWithoutEffect: attempts === 1, reason: "down" } : accept;
    });
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("done");
    expect(new Date(bodies[1]?.valid_until ?? 0).getTime()).toBeGreaterThan(Date.now() + 60_000);
    // the second attempt may have reached the carrier: the third sends the same deadline
    expect(bodies[2]?.valid_until).toBe(bodies[1]?.valid_until);
  });

  it("that may have reached the carrier in any attempt stays meant, also when a later attempt was refused at the endpoint", async () => {
    const id = await seed(1);
    let attempts = 0;
    const { options } = optionsFor(async () => {
      if (++attempts === 2) await setStatus(id, "paused");
      return { kind: "silent", isWithoutEffect: attempts === 2, reason: "down" };
    });
    await dispatchNextChunk(options, await textOf(id));
    expect(attempts).toBe(2);
    expect(await readChunk(id)).toMatchObject({ state: "open", intent_to: 10 });
  });

  it("is given back when the carrier asks for quiet, and not submitted before", async () => {
    const id = await seed(1);
    let quietMs = 0;
    const { options, bodies } = optionsFor(async () => ({ kind: "throttled", retryAfterMs: 1_500 }), {
      quietMs: () => quietMs,
      onThrottled(retryAfterMs) {
        quietMs = retryAfterMs;
      },
    });
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("throttled");
    expect(await countRows(id)).toEqual({ pending: 10 });
    expect(await readChunk(id)).toMatchObject({ state: "open", intent_to: 0 });
    expect(quietMs).toBe(1_500);
    // the carrier is not called in the meantime
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("throttled");
    expect(bodies).toHaveLength(1);
  });

  it("is done only by its lease holder, when no row of it is pending", async () => {
    const id = await seed(1);
    const chunk = await lease(id);
    const finish = (held: LeasedChunk) => sql.begin((transaction) => finishChunk(transaction as never, held));
    expect(await finish(chunk)).toBe(false);
    await owner`update bulksms_info set status = 'queued' where bulksms_id = ${id}`;
    expect(await finish({ ...chunk, leaseOwner: randomUUID() })).toBe(false);
    expect(await finish({ ...chunk, attempt: chunk.attempt - 1 })).toBe(false);
    expect(await finish(chunk)).toBe(true);
  });
});

describe("pause", () => {
  it("counts a leased chunk as in flight while its intent is under way, because that has read `running`", async () => {
    const id = await seed(1);
    const chunk = await lease(id, 10_000);
    const [campaign] = await owner`select workspace_id from bulksms where id = ${id}`;
    let waiting: Promise<unknown> = Promise.resolve();
    let inFlight = 0;
    await owner.begin(async (transaction) => {
      await transaction`select from bulksms_chunk where bulksms_id = ${id} for update`;
      waiting = intendSubmit(sql, chunk, 10_000);
      await intentWaits();
      ({ inFlight } = await pause(sql, { workspaceId: campaign?.workspace_id, bulksmsId: id }));
    });
    expect(await waiting).not.toBeNull();
    expect(inFlight).toBe(10);
  });
});

describe("cancel", () => {
  it("takes what was never meant for the carrier at once, and leaves a live lease its rows", async () => {
    const id = await seed(3);
    const chunk = await lease(id);
    await intendSubmit(sql, chunk, 5_000);
    await setStatus(id, "canceling");
    await cancelChunks(sql, id);
    expect(await countRows(id)).toEqual({ pending: 10, canceled: 20 });
    expect(await readChunk(id, 2)).toMatchObject({ state: "done" });
    await releaseChunk(sql, chunk, false);
    await cancelChunks(sql, id);
    expect(await countRows(id)).toEqual({ unknown: 10, canceled: 20 });
    expect(await readChunk(id)).toMatchObject({ state: "done" });
  });

  it("makes unknown what a dead worker had meant to submit", async () => {
    const id = await seed(1);
    await intendSubmit(sql, await lease(id), 1_000);
    await endLease(id);
    await setStatus(id, "canceling");
    await cancelChunks(sql, id);
    expect(await countRows(id)).toEqual({ unknown: 10 });
    const [campaign] = await owner`select pending, unknown from bulksms where id = ${id}`;
    expect(campaign).toEqual({ pending: 0, unknown: 10 });
  });

  it("raises the attempt, so that an intent that waited for the chunk's lock fails although it had read `running`", async () => {
    const id = await seed(1);
    const chunk = await lease(id, 10_000);
    let waiting: Promise<unknown> = Promise.resolve();
    await owner.begin(async (transaction) => {
      await transaction`update bulksms set status = 'canceling' where id = ${id}`;
      await cancelStep(transaction, id, chunk.chunkNo);
      waiting = intendSubmit(sql, chunk, 10_000); // its snapshot says `running`
      await intentWaits();
    });
    expect(await waiting).toBeNull();
  });

  it("lets a worker that knows that nothing was sent give its rows back, so that they are canceled and not unknown", async () => {
    const id = await seed(1);
    const { options } = optionsFor(async () => {
      await setStatus(id, "canceling");
      await cancelChunks(sql, id);
      return { kind: "silent", isWithoutEffect: true, reason: "refused connection" };
    });
    expect(await dispatchNextChunk(options, await textOf(id))).toBe("stopped");
    await cancelChunks(sql, id);
    expect(await countRows(id)).toEqual({ canceled: 10 });
  });

  it("goes in transactions of at most 5,000 rows, and is safe when several do it at once", async () => {
    const id = await seed(1);
    await owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli) select ${id}, n, 358400000000 + n, 1, 100 from generate_series(11, 10000) n`;
    await owner`update bulksms set contacts = 10000, pending = 10000, parts = 10000, status = 'canceling' where id = ${id}`;
    await owner`update bulksms_chunk set last_row = 10000 where bulksms_id = ${id}`;
    await Promise.all([cancelChunks(sql, id), cancelChunks(sql, id), cancelChunks(sql, id)]);
    expect(await countRows(id)).toEqual({ canceled: 10_000 });
    const [campaign] = await owner`select pending, canceled from bulksms where id = ${id}`;
    expect(campaign).toEqual({ pending: 0, canceled: 10_000 });
  });
});

describe("the end of a chunk in a large campaign", () => {
  const contacts = 200_000;
  const chunkRows = 1_000;

  it("reads its own rows and no others, also where a scan of the campaign looks cheap", async () => {
    const chunks = contacts / chunkRows;
    const id = await rows.insertCampaign({ contacts, parts: contacts, pending: chunkRows, queued: contacts - chunkRows });
    await owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli, status)
      select ${id}, n, 358400000000 + n, 1, 100, case when n > ${contacts - chunkRows}::int then 'pending' else 'queued' end::message_status
      from generate_series(1, ${contacts}::int) n`;
    await owner`insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to, state)
      select ${id}, n, n * ${chunkRows}::int - ${chunkRows - 1}::int, n * ${chunkRows}::int, n * ${chunkRows}::int,
        case when n < ${chunks}::int then 'done' else 'open' end
      from generate_series(1, ${chunks}::int) n`;
    await owner`analyze bulksms, bulksms_chunk, bulksms_info`;
    const chunk = (await leaseChunk(sql, { bulksmsId: id, leaseMs: 60_000 })) as LeasedChunk;
    const scans = await sql.begin(async (transaction) => {
      // as small against this table as the default is against one of millions
      await transaction`set local work_mem = '64kB'`;
      expect(await finishChunk(transaction, chunk)).toBe(false);
      const verdicts = emptyVerdicts();
      for (let rowNo = chunk.firstRow; rowNo <= chunk.lastRow; rowNo++) setVerdict(verdicts, rowNo, { status: "queued", errorCode: null });
      expect((await moveMessages(transaction, id, verdicts)).unmoved).toEqual([]);
      expect(await finishChunk(transaction, chunk)).toBe(true);
      return transaction<{ scans: number }[]>`
        select seq_scan::int as scans from pg_stat_xact_user_tables where relname = 'bulksms_info'`;
    });
    expect(scans).toEqual([{ scans: 0 }]);
  });
});
