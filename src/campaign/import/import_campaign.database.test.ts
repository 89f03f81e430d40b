// The import against real Postgres when things go wrong in the middle: leases lost, connections
// cut, two of the same at once.
import { createHash, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../testing/engines.ts";
import { firstPricing } from "../../../testing/prices.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import { csvSource } from "../../contacts/csv/csv_source.ts";
import type { OpenedFile } from "../../contacts/open_file.ts";
import { isAppError } from "../../contracts/errors.ts";
import type { FileAnswer } from "../../contracts/quote.ts";
import { submitMessagesMax } from "../../contracts/receipts.ts";
import { closePostgres, openPostgres, type Sql } from "../../platform/postgres.ts";
import { deadlineIn } from "../../platform/time/deadline.ts";
import { cancel } from "../lifecycle/commands.ts";
import { importCampaign } from "./import_campaign.ts";
import { readImportFields } from "./import_fields.ts";
import { purgeDeadImport } from "./purge_imports.ts";

const throughSimulator = {
  carrier: { carrierId: null, name: "simulator", isSimulated: true, destinations: null },
  destinations: null,
  isExample: false,
};

const limits = { partsMax: 6, rowsMax: 1_000_000, chunkRows: 1_000, leaseMs: 20_000 };
const settings = { defaultCountry: "FI", textPartsMax: 6, deadlineS: 60 };

let database: TestDatabase;
let owner: Sql;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase("salesdb");
  owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 3 });
  sql = openPostgres(database.urls.salesapi as string, { applicationName: "import", connections: 6 });
});
afterAll(async () => {
  await closePostgres(sql);
  await closePostgres(owner);
  await database?.drop();
});

/** Rows `from` to `to` of a file whose every tenth number is duplicated. */
function rows(from: number, to: number): Buffer {
  const lines: string[] = [];
  for (let index = from; index < to; index++) lines.push(`040${1_000_000 + (index % 10 === 9 ? index - 1 : index)},Väinö ${index}`);
  return Buffer.from(`${lines.join("\n")}\n`);
}

type Step = Buffer | (() => Promise<unknown>);

/** A file that does things between its chunks. */
const file = (...steps: Step[]) => opened(chunks(...steps));

function opened(bytes: AsyncIterable<Buffer>): () => Promise<OpenedFile> {
  return async () => ({ source: csvSource(bytes, "utf-8"), answer: () => fileAnswer, close: async () => {} });
}

const fileAnswer: FileAnswer = {
  kind: "csv",
  encoding: "utf-8",
  encoding_reason: null,
  sheet: null,
  sheets: [],
  hidden_rows: 0,
  hidden_columns: [],
};

async function* chunks(...steps: Step[]): AsyncGenerator<Buffer> {
  yield Buffer.from("phone,name\n");
  for (const step of steps) {
    if (typeof step === "function") await step();
    else yield step;
  }
}

function request(text = "Hello {name}", key: string | null = null, workspaceId = randomUUID()) {
  const requestSha256 = createHash("sha256").update(text).digest();
  const claim = key === null ? null : { workspaceId, key, requestSha256 };
  return {
    ...readImportFields(new Map([["text", text]]), "a.csv", settings),
    workspaceId,
    claim,
    pricing: firstPricing,
    ...throughSimulator,
  };
}

/** Waits until the one campaign of the workspace has copied so many messages. */
async function untilCopied(workspaceId: string, messages: number): Promise<string> {
  return waitFor(`${messages} messages to be copied`, async () => {
    const [found] = await owner<{ id: string }[]>`
      select b.id from bulksms b where workspace_id = ${workspaceId} and status = 'importing'
        and (select count(*) from bulksms_info where bulksms_id = b.id) >= ${messages}`;
    return found?.id;
  });
}

/** Waits until so many sessions wait for a lock on the messages' table. */
async function untilWaiting(sessions: number): Promise<void> {
  await waitFor(`${sessions} sessions to wait for a lock`, async () => {
    const [found] = await owner<{ waiting: number }[]>`
      select count(*)::int as waiting from pg_locks where relation = 'bulksms_info'::regclass and not granted`;
    return found?.waiting === sessions;
  });
}

async function stored(bulksmsId: string) {
  const [row] = await owner`
    select b.status, b.contacts, b.rejected, b.parts::int,
      (select count(*)::int from bulksms_info where bulksms_id = b.id) as messages,
      (select coalesce(sum(parts), 0)::int from bulksms_info where bulksms_id = b.id) as message_parts,
      (select coalesce(max(row_no), 0) from bulksms_info where bulksms_id = b.id) as last_row,
      (select count(*)::int from bulksms_reject where bulksms_id = b.id) as rejects,
      (select count(*)::int from bulksms_chunk where bulksms_id = b.id) as chunks
    from bulksms b where id = ${bulksmsId}`;
  return row;
}

async function lastErrorOf(bulksmsId: string): Promise<string | null> {
  const [found] = await owner<{ lastError: string | null }[]>`select last_error as "lastError" from bulksms where id = ${bulksmsId}`;
  return found?.lastError ?? null;
}

async function untilFailed(bulksmsId: string): Promise<void> {
  await waitFor("the import to fail", async () => (await stored(bulksmsId))?.status === "import_failed");
}

const nothing = { messages: 0, message_parts: 0, last_row: 0, rejects: 0, chunks: 0 };

describe("an import", () => {
  it("stores in rows what it answers in counts", async () => {
    const { answer } = await importCampaign(sql, request(), limits, file(rows(0, 25_000)));
    expect(answer).toMatchObject({ contacts: 22_500, rejected: 2_500, rejects: { duplicate: 2_500 }, parts: 22_500, cost: "2250.0" });
    expect(await stored(answer.id)).toEqual({
      status: "ready",
      contacts: 22_500,
      rejected: 2_500,
      parts: 22_500,
      messages: 22_500,
      message_parts: 22_500,
      last_row: 22_500,
      rejects: 2_500,
      chunks: 23,
    });
  });

  it("keeps the line of the file on which each message's row begins", async () => {
    const head = Buffer.from('\n0401000001,Ada\n\n"0401000002","Ben\r\nBo"\n0401000001,Cy\n,,\n0401000003,"Di\n');
    const tail = Buffer.from("0401000004,Eve\n0401000005,Flo");
    const { answer } = await importCampaign(sql, request(), limits, file(head, tail));
    const kept = await owner`select row_no, line, msisdn::text from bulksms_info where bulksms_id = ${answer.id} order by row_no`;
    expect(kept.map(({ row_no, line, msisdn }) => [row_no, line, msisdn])).toEqual([
      [1, 3, "358401000001"],
      [2, 5, "358401000002"],
      [3, 10, "358401000004"],
      [4, 11, "358401000005"],
    ]);
    const rejects = await owner`select line, reason from bulksms_reject where bulksms_id = ${answer.id} order by line`;
    expect(rejects.map(({ line, reason }) => [line, reason])).toEqual([
      [7, "duplicate"],
      [9, "quote_unclosed"],
    ]);
  });

  it("cuts a large campaign into larger chunks, none above what a carrier takes, and every message into one", async () => {
    const chunksOf = async (chunkRows: number, text = "Hello") => {
      const { answer } = await importCampaign(sql, request(text), { ...limits, chunkRows }, file(rows(0, 5_000)));
      const chunks = await owner<{ first: number; last: number }[]>`
        select first_row as first, last_row as last from bulksms_chunk where bulksms_id = ${answer.id} order by chunk_no`;
      expect(chunks.map(({ first }) => first)).toEqual([1, ...chunks.slice(0, -1).map(({ last }) => last + 1)]);
      expect(chunks.at(-1)?.last).toBe(4_500);
      return { chunks: chunks.length, rows: chunks[0]?.last };
    };
    expect(await chunksOf(100)).toEqual({ chunks: 45, rows: 100 });
    expect(await chunksOf(30)).toEqual({ chunks: 100, rows: 45 });
    expect(await chunksOf(10)).toEqual({ chunks: 225, rows: 20 });
    expect(await chunksOf(submitMessagesMax)).toEqual({ chunks: 1, rows: 4_500 });
    // each message has its own text
    expect(await chunksOf(10, "Hello {name}")).toEqual({ chunks: 450, rows: 10 });
  });

  it("judges on while two batches are being copied", async () => {
    let imported: ReturnType<typeof importCampaign> | undefined;
    await owner.begin(async (transaction) => {
      await transaction`lock table bulksms_info in share mode`;
      imported = importCampaign(sql, request(), limits, file(rows(0, 45_000)));
      await untilWaiting(2);
    });
    const { answer } = await (imported as ReturnType<typeof importCampaign>);
    expect(await stored(answer.id)).toMatchObject({ status: "ready", messages: 40_500, last_row: 40_500, rejects: 4_500 });
  });

  it("of long rows copies them before a whole batch is together", async () => {
    const asked = request();
    const note = "ä".repeat(400);
    const long = Buffer.from(Array.from({ length: 7_000 }, (_, index) => `040${1_000_000 + index},${note}\n`).join(""));
    const copied = () => untilCopied(asked.workspaceId, 1);
    const { answer } = await importCampaign(sql, asked, limits, file(long, copied, rows(8_000, 8_010)));
    expect(await stored(answer.id)).toMatchObject({ status: "ready", contacts: 7_009, messages: 7_009, last_row: 7_009 });
  });

  it("whose connections are cut in the middle loses and doubles nothing", async () => {
    const asked = request();
    const cut = async () => {
      await untilCopied(asked.workspaceId, 1);
      await owner`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'import' and datname = current_database()`;
    };
    const { answer } = await importCampaign(
      sql,
      asked,
      limits,
      file(rows(0, 25_000), cut, rows(25_000, 40_000), cut, rows(40_000, 50_000)),
    );
    expect(answer).toMatchObject({ contacts: 45_000, rejected: 5_000 });
    expect(await stored(answer.id)).toMatchObject({ status: "ready", messages: 45_000, last_row: 45_000, rejects: 5_000, chunks: 45 });
  });

  it("that has lost its lease copies no more, cannot close, and says so", async () => {
    const asked = request();
    let id = "";
    const loseLease = async () => {
      id = await untilCopied(asked.workspaceId, 10_000);
      await owner`update bulksms set import_lease_until = now() - interval '1 s' where id = ${id}`;
    };
    const lost = importCampaign(sql, asked, limits, file(rows(0, 25_000), loseLease, rows(25_000, 50_000)));
    await expect(lost).rejects.toSatisfy((error) => isAppError(error, "import_lost"));
    // what it had copied waits for the sweeper
    expect(await stored(id)).toMatchObject({ status: "importing", contacts: 0, chunks: 0 });
    expect((await stored(id))?.messages).toBeLessThanOrEqual(22_500);
  });

  it("that has lost its lease just before its end does not become ready", async () => {
    const asked = request();
    let id = "";
    const loseLease = async () => {
      id = await untilCopied(asked.workspaceId, 19_000);
      await owner`update bulksms set import_lease_owner = ${randomUUID()} where id = ${id}`;
    };
    const lost = importCampaign(sql, asked, limits, file(rows(0, 24_000), loseLease));
    await expect(lost).rejects.toSatisfy((error) => isAppError(error, "import_lost"));
    expect(await stored(id)).toMatchObject({ status: "importing", chunks: 0 });
  });

  it("that breaks off in the middle is purged at once, and its key is free", async () => {
    const workspaceId = randomUUID();
    const asked = request("Hello {name}", "broken", workspaceId);
    let id = "";
    const breakOff = async () => {
      id = await untilCopied(workspaceId, 10_000);
      throw new Error("the disk is gone");
    };
    await expect(importCampaign(sql, asked, limits, file(rows(0, 25_000), breakOff))).rejects.toThrow("the disk is gone");
    expect(await stored(id)).toEqual({ status: "import_failed", contacts: 0, rejected: 0, parts: 0, ...nothing });
    const { isRepeat } = await importCampaign(sql, asked, limits, file(rows(0, 10)));
    expect(isRepeat).toBe(false);
  });

  it("whose process is to end is undone at once, says so, and its key is free", async () => {
    const workspaceId = randomUUID();
    const asked = request("Hello {name}", "interrupted", workspaceId);
    const stopping = new AbortController();
    let id = "";
    const stop = async () => {
      id = await untilCopied(workspaceId, 30_000);
      stopping.abort();
    };
    const interrupted = importCampaign(
      sql,
      asked,
      { ...limits, signal: stopping.signal },
      file(rows(0, 50_000), stop, rows(50_000, 60_000)),
    );
    await expect(interrupted).rejects.toSatisfy((error) => isAppError(error, "import_interrupted"));
    expect(await stored(id)).toEqual({ status: "import_failed", contacts: 0, rejected: 0, parts: 0, ...nothing });
    expect(await lastErrorOf(id)).toBe("import_interrupted");
    expect(await importCampaign(sql, asked, limits, file(rows(0, 10)))).toMatchObject({ isRepeat: false, answer: { contacts: 9 } });
  });

  it("whose process is to end purges for a moment, and hands the rest to the sweeper at once", async () => {
    const asked = request();
    const stopping = new AbortController();
    let id = "";
    const stop = async () => {
      id = await untilCopied(asked.workspaceId, 30_000);
      stopping.abort();
    };
    const quick = { ...limits, signal: stopping.signal, purgeWhenStoppingMs: -1 };
    await expect(importCampaign(sql, asked, quick, file(rows(0, 50_000), stop))).rejects.toSatisfy((error) =>
      isAppError(error, "import_interrupted"),
    );
    expect(await stored(id)).toMatchObject({ status: "importing" });
    expect(await purgeDeadImport(sql, id, { leaseMs: 20_000 })).toBe(true);
    expect(await stored(id)).toMatchObject({ status: "import_failed", ...nothing });
    expect(await lastErrorOf(id)).toBe("import_interrupted");
  });

  it("that is canceled while it is read is undone, and its caller is told why", async () => {
    const asked = request();
    const { workspaceId } = asked;
    let id = "";
    const cancelIt = async () => {
      id = await untilCopied(workspaceId, 30_000);
      const stranger = cancel(sql, { workspaceId: randomUUID(), bulksmsId: id }, { importLeaseMs: 20_000 });
      await expect(stranger).rejects.toSatisfy((error) => isAppError(error, "bulksms_not_found"));
      expect((await cancel(sql, { workspaceId, bulksmsId: id }, { importLeaseMs: 20_000 })).inFlight).toBe(0);
    };
    const canceled = importCampaign(sql, asked, limits, file(rows(0, 50_000), cancelIt, rows(50_000, 90_000)));
    await expect(canceled).rejects.toSatisfy((error) => isAppError(error, "import_canceled"));
    await untilFailed(id);
    expect(await stored(id)).toEqual({ status: "import_failed", contacts: 0, rejected: 0, parts: 0, ...nothing });
    expect(await lastErrorOf(id)).toBe("import_canceled");
  });

  it("is canceled in the middle of its COPYs, which overlap for as long as the file goes on", async () => {
    const asked = request();
    let canceled: ReturnType<typeof cancel> | undefined;
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from("phone,name\n");
      for (let from = 0; ; from += 20_000) {
        yield rows(from % 800_000, (from % 800_000) + 20_000);
        if (canceled === undefined && from >= 100_000) {
          const bulksmsId = await untilCopied(asked.workspaceId, 1);
          canceled = cancel(sql, { workspaceId: asked.workspaceId, bulksmsId }, { importLeaseMs: 20_000 });
        }
      }
    }
    // its lease is renewed, with no COPY in flight, long after this test has failed
    const imported = importCampaign(sql, asked, { ...limits, rowsMax: 1e9, leaseMs: 600_000 }, opened(endless()));
    await expect(imported).rejects.toSatisfy((error) => isAppError(error, "import_canceled"));
    const { campaign } = await (canceled as ReturnType<typeof cancel>);
    await untilFailed(campaign.bulksmsId);
    expect(await stored(campaign.bulksmsId)).toEqual({ status: "import_failed", contacts: 0, rejected: 0, parts: 0, ...nothing });
  });

  it("that was interrupted and whose purge was cut short too keeps its reason", async () => {
    const asked = request();
    let id = "";
    const die = async () => {
      id = await untilCopied(asked.workspaceId, 10_000);
      await owner`update bulksms set last_error = 'import_interrupted', import_lease_until = now() - interval '1 s' where id = ${id}`;
    };
    await expect(importCampaign(sql, asked, limits, file(rows(0, 25_000), die, rows(25_000, 50_000)))).rejects.toThrow();
    expect(await purgeDeadImport(sql, id, { leaseMs: 20_000 })).toBe(true);
    expect(await stored(id)).toMatchObject({ status: "import_failed", ...nothing });
    expect(await lastErrorOf(id)).toBe("import_interrupted");
  });

  it("renews its lease as it goes", async () => {
    const asked = request();
    const leaseUntil = async () => {
      const [lease] = await owner<{ until: number }[]>`
        select extract(epoch from import_lease_until)::float as until from bulksms where workspace_id = ${asked.workspaceId}`;
      return lease?.until ?? 0;
    };
    const deadline = deadlineIn(15_000);
    async function* longFile(): AsyncGenerator<Buffer> {
      yield* chunks(rows(0, 24_000));
      const first = await leaseUntil();
      for (let from = 24_000; (await leaseUntil()) === first; from += 24_000) {
        if (deadline.isOver()) throw new Error("the lease was not renewed");
        yield rows(from, from + 24_000);
      }
    }
    const { answer } = await importCampaign(sql, asked, { ...limits, leaseMs: 6_000 }, opened(longFile()));
    expect(await stored(answer.id)).toMatchObject({ status: "ready", messages: answer.contacts });
  });
});

describe("two imports with one Idempotency-Key in two processes", () => {
  it("end as one campaign", async () => {
    const workspaceId = randomUUID();
    const both = await Promise.allSettled(
      [0, 1].map(() => importCampaign(sql, request("Hi", "same", workspaceId), limits, file(rows(0, 100)))),
    );
    const answers = both.flatMap((result) => (result.status === "fulfilled" ? [result.value.answer.id] : []));
    expect(new Set(answers).size).toBe(1);
    for (const result of both) {
      if (result.status === "rejected") expect(isAppError(result.reason, "idempotency_key_in_flight")).toBe(true);
    }
    const [found] = await owner`select count(*)::int as campaigns from bulksms where workspace_id = ${workspaceId} and status = 'ready'`;
    expect(found).toEqual({ campaigns: 1 });
    const repeat = await importCampaign(sql, request("Hi", "same", workspaceId), limits, file(rows(0, 100)));
    expect(repeat).toMatchObject({ isRepeat: true, answer: { id: answers[0] } });
  });

  it("where the first has died: the second takes the key, and the first cannot close when it wakes", async () => {
    const workspaceId = randomUUID();
    const asked = request("Hello {name}", "taken", workspaceId);
    let secondId = "";
    const sleepTooLong = async () => {
      const id = await untilCopied(workspaceId, 19_000);
      await owner`update bulksms set import_lease_until = now() - interval '1 s' where id = ${id}`;
      secondId = (await importCampaign(sql, asked, limits, file(rows(0, 24_000)))).answer.id;
    };
    const first = importCampaign(sql, asked, limits, file(rows(0, 24_000), sleepTooLong));
    await expect(first).rejects.toSatisfy((error) => isAppError(error, "import_lost"));
    const ready = await owner`select id from bulksms where workspace_id = ${workspaceId} and status = 'ready'`;
    expect([...ready]).toEqual([{ id: secondId }]);
    expect(await stored(secondId)).toMatchObject({ messages: 21_600 });
  });
});

describe("the id of a campaign", () => {
  it("has the time of the database, whatever clock its process has, and sorts by it", async () => {
    const ids: string[] = [];
    const [before] = await owner<[{ ms: number }]>`select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as ms`;
    for (const shiftMs of [3_600_000, -86_400_000, 0, -3_600_000]) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + shiftMs });
      try {
        ids.push((await importCampaign(sql, request(), limits, file(rows(0, 3)))).answer.id);
      } finally {
        vi.useRealTimers();
      }
    }
    const [after] = await owner<[{ ms: number }]>`select ceil(extract(epoch from clock_timestamp()) * 1000)::float8 as ms`;
    expect(ids.toSorted()).toEqual(ids);
    for (const id of ids) {
      const ms = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
      expect(ms).toBeGreaterThanOrEqual(before.ms);
      expect(ms).toBeLessThanOrEqual(after.ms);
    }
  });
});
