// Holds, settles, top-ups, keys and ledger pages, each guarantee by itself; and what no role of ds
// may do.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../testing/engines.ts";
import { createKey, findKey, listKeys, liveKeysMax, revokeKey } from "../accounts/keys.ts";
import { isUuid } from "../contracts/ids.ts";
import { openPostgres, type Sql } from "../platform/postgres.ts";
import { release, reserve } from "./holds.ts";
import { purgeStoredAnswers, topUpByKey } from "./idempotent_top_up.ts";
import { readLedger } from "./ledger.ts";
import { type Settle, settle } from "./settle.ts";
import { topUp } from "./top_up.ts";
import { amountMilliMax, balanceMilliMax, deriveTransferId } from "./transfers.ts";
import { createWorkspace, readWorkspace } from "./workspaces.ts";

let database: TestDatabase;
const pools: Record<string, Sql> = {};
const as = (role: string) => pools[role] as Sql;
beforeAll(async () => {
  database = await createTestDatabase("ds");
  for (const role of ["webapi", "rpc", "general_worker", "check"]) {
    pools[role] = openPostgres(database.urls[role] as string, { applicationName: `test ${role}`, connections: 16 });
  }
  pools.owner = openPostgres(database.ownerUrl, { applicationName: "test owner", connections: 2 });
});
afterAll(async () => {
  await Promise.all(Object.values(pools).map((sql) => sql.end()));
  await database?.drop();
});

async function workspaceWith(amountMilli: bigint): Promise<string> {
  const { workspaceId } = await createWorkspace(as("webapi"), "Test");
  if (amountMilli > 0n) await topUp(as("webapi"), { workspaceId, transferId: randomUUID(), amountMilli });
  return workspaceId;
}

async function holdOf(workspaceId: string, amountMilli: bigint): Promise<string> {
  const holdId = randomUUID();
  await reserve(as("rpc"), { workspaceId, holdId, amountMilli });
  return holdId;
}

const rowsOf = (...amounts: bigint[]): Settle[] => amounts.map((amountMilli) => ({ outboxId: randomUUID(), amountMilli }));
const code = (expected: string) => expect.objectContaining({ code: expected });

describe("a reserve", () => {
  test("that is repeated holds once and answers existed", async () => {
    const workspaceId = await workspaceWith(1_000n);
    const request = { workspaceId, holdId: randomUUID(), amountMilli: 600n };
    const answers = await Promise.all(Array.from({ length: 12 }, () => reserve(as("rpc"), request)));
    expect(answers.filter((answer) => !answer.existed)).toHaveLength(1);
    expect(await readWorkspace(as("rpc"), workspaceId)).toMatchObject({ availableMilli: 400n, heldMilli: 600n, version: 2n });
  });

  test("that was refused once is refused forever with the same figures, also after a top-up", async () => {
    const workspaceId = await workspaceWith(500n);
    const request = { workspaceId, holdId: randomUUID(), amountMilli: 600n };
    const refusal = { code: "insufficient_credit", details: { needed_milli: "600", available_milli: "500" } };
    await expect(reserve(as("rpc"), request)).rejects.toMatchObject(refusal);
    await topUp(as("webapi"), { workspaceId, transferId: randomUUID(), amountMilli: 10_000n });
    await expect(reserve(as("rpc"), request)).rejects.toMatchObject(refusal);
    await expect(reserve(as("rpc"), { ...request, amountMilli: 100n })).rejects.toMatchObject({ code: "hold_conflict" });
    expect(await release(as("rpc"), request)).toEqual({ releasedMilli: 0n, settledMilli: 0n, balance: null });
    // a new hold, as a new run has, is judged afresh
    expect((await reserve(as("rpc"), { ...request, holdId: randomUUID() })).existed).toBe(false);
  });

  test("with a taken id is a conflict for another amount and for another workspace", async () => {
    const [mine, other] = [await workspaceWith(1_000n), await workspaceWith(1_000n)];
    const holdId = await holdOf(mine, 300n);
    await expect(reserve(as("rpc"), { workspaceId: mine, holdId, amountMilli: 301n })).rejects.toEqual(code("hold_conflict"));
    await expect(reserve(as("rpc"), { workspaceId: other, holdId, amountMilli: 300n })).rejects.toEqual(code("hold_conflict"));
    await expect(release(as("rpc"), { workspaceId: other, holdId })).rejects.toEqual(code("hold_conflict"));
    expect(await readWorkspace(as("rpc"), other)).toMatchObject({ availableMilli: 1_000n, heldMilli: 0n });
  });

  test("of one id by two workspaces at once is one hold", async () => {
    for (let round = 0; round < 5; round++) {
      const workspaces = [await workspaceWith(1_000n), await workspaceWith(1_000n)];
      const holdId = randomUUID();
      const answers = await Promise.allSettled(
        workspaces.map((workspaceId) => reserve(as("rpc"), { workspaceId, holdId, amountMilli: 300n })),
      );
      expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(1);
      expect(answers.find((answer) => answer.status === "rejected")).toMatchObject({ reason: { code: "hold_conflict" } });
      const held = await Promise.all(workspaces.map(async (id) => (await readWorkspace(as("rpc"), id)).heldMilli));
      expect(held.reduce((sum, value) => sum + value)).toBe(300n);
    }
  });

  test("never takes credit below zero, however many come at once", async () => {
    const workspaceId = await workspaceWith(1_000n);
    const answers = await Promise.allSettled(
      Array.from({ length: 40 }, () => reserve(as("rpc"), { workspaceId, holdId: randomUUID(), amountMilli: 90n })),
    );
    expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(11);
    expect(await readWorkspace(as("rpc"), workspaceId)).toMatchObject({ availableMilli: 10n, heldMilli: 990n });
    await expect(as("rpc")`update workspace set available = available - 11 where id = ${workspaceId}`).rejects.toMatchObject({
      code: "23514",
    });
  });

  test("of an unknown workspace, of zero, less or too much has no effect", async () => {
    const workspaceId = await workspaceWith(1_000n);
    await expect(reserve(as("rpc"), { workspaceId: randomUUID(), holdId: randomUUID(), amountMilli: 1n })).rejects.toEqual(
      code("workspace_not_found"),
    );
    for (const amountMilli of [0n, -5n, amountMilliMax + 1n, 2n ** 63n - 1n]) {
      await expect(reserve(as("rpc"), { workspaceId, holdId: randomUUID(), amountMilli })).rejects.toEqual(code("amount_invalid"));
    }
  });
});

describe("a release", () => {
  test("gives back what is open, once, and a late reserve is refused", async () => {
    const workspaceId = await workspaceWith(1_000n);
    const holdId = await holdOf(workspaceId, 600n);
    await settle(as("general_worker"), holdId, rowsOf(100n, 150n));
    const answers = await Promise.all(Array.from({ length: 6 }, () => release(as("rpc"), { workspaceId, holdId })));
    expect(answers.map((answer) => answer.releasedMilli).sort()).toEqual([0n, 0n, 0n, 0n, 0n, 350n]);
    expect(answers.every((answer) => answer.settledMilli === 250n)).toBe(true);
    expect(await readWorkspace(as("rpc"), workspaceId)).toMatchObject({ availableMilli: 750n, heldMilli: 0n, spentMilli: 250n });
    await expect(reserve(as("rpc"), { workspaceId, holdId, amountMilli: 600n })).rejects.toEqual(code("hold_closed"));
  });

  test("of an unknown hold leaves a tombstone that refuses the reserve on its way", async () => {
    const workspaceId = await workspaceWith(1_000n);
    const holdId = randomUUID();
    expect(await release(as("rpc"), { workspaceId, holdId })).toEqual({ releasedMilli: 0n, settledMilli: 0n, balance: null });
    for (const amountMilli of [600n, 700n]) {
      await expect(reserve(as("rpc"), { workspaceId, holdId, amountMilli })).rejects.toEqual(code("hold_closed"));
    }
    expect(await readWorkspace(as("rpc"), workspaceId)).toMatchObject({ availableMilli: 1_000n, heldMilli: 0n, version: 1n });
  });

  test("that races its reserve leaves nothing held, whoever comes first", async () => {
    for (let round = 0; round < 10; round++) {
      const workspaceId = await workspaceWith(1_000n);
      const holdId = randomUUID();
      await Promise.allSettled([
        reserve(as("rpc"), { workspaceId, holdId, amountMilli: 600n }),
        release(as("rpc"), { workspaceId, holdId }),
      ]);
      expect(await readWorkspace(as("rpc"), workspaceId)).toMatchObject({ availableMilli: 1_000n, heldMilli: 0n });
    }
  });
});

describe("a settle", () => {
  test("that the hold cannot bear is parked alone, and the rest of its batch settles", async () => {
    const workspaceId = await workspaceWith(10_000n);
    const holdId = await holdOf(workspaceId, 1_000n);
    const rows = rowsOf(100n, 200n, 5_000n, 300n, 400n);
    const outcome = await settle(as("general_worker"), holdId, rows);
    expect(outcome.refused).toEqual([{ ...rows[2], code: "hold_exceeded", isNew: true }]);
    expect(outcome.settledIds).toEqual([rows[0], rows[1], rows[3], rows[4]].map((row) => row?.outboxId));
    expect(outcome.balance).toMatchObject({ heldMilli: 0n, spentMilli: 1_000n });
    // the sweeper retries over and over: nothing moves, and no second alarm is raised
    const again = await settle(as("general_worker"), holdId, rows);
    expect(again).toMatchObject({ settledIds: outcome.settledIds, newRows: 0, balance: null });
    expect(again.refused).toMatchObject([{ code: "hold_exceeded", isNew: false }]);
    const parked = await as("webapi")`select hold_id, amount, code from settle_refused where outbox_id = ${rows[2]?.outboxId as string}`;
    expect(parked).toEqual([{ hold_id: holdId, amount: 5_000n, code: "hold_exceeded" }]);
  });

  test("with an id that stands in the ledger with another hold or amount is refused and moves nothing", async () => {
    const workspaceId = await workspaceWith(10_000n);
    const [one, two] = [await holdOf(workspaceId, 1_000n), await holdOf(workspaceId, 1_000n)];
    const [row] = rowsOf(100n) as [Settle];
    await settle(as("general_worker"), one, [row]);
    const otherAmount = await settle(as("general_worker"), one, [{ ...row, amountMilli: 101n }]);
    expect(otherAmount).toMatchObject({ settledIds: [], newRows: 0, refused: [{ code: "transfer_conflict" }] });
    const otherHold = await settle(as("general_worker"), two, [row, ...rowsOf(50n)]);
    expect(otherHold).toMatchObject({ newRows: 1, refused: [{ outboxId: row.outboxId, code: "transfer_conflict" }] });
    // an id that belongs to another kind of transfer conflicts as well
    const asHold = await settle(as("general_worker"), one, [{ outboxId: deriveTransferId("hold", one), amountMilli: 1_000n }]);
    expect(asHold.refused).toMatchObject([{ code: "transfer_conflict" }]);
    expect(await readWorkspace(as("rpc"), workspaceId)).toMatchObject({ spentMilli: 150n, heldMilli: 1_850n });
  });

  test("of a closed hold is refused, but its old rows are confirmed", async () => {
    const workspaceId = await workspaceWith(1_000n);
    const holdId = await holdOf(workspaceId, 600n);
    const [old, late] = rowsOf(100n, 50n) as [Settle, Settle];
    await settle(as("general_worker"), holdId, [old]);
    await release(as("rpc"), { workspaceId, holdId });
    const outcome = await settle(as("general_worker"), holdId, [old, late]);
    expect(outcome).toMatchObject({
      settledIds: [old.outboxId],
      refused: [{ outboxId: late.outboxId, code: "hold_closed" }],
      balance: null,
    });
  });

  test("of an unknown hold, or of nothing, is parked", async () => {
    const unknown = await settle(as("general_worker"), randomUUID(), rowsOf(1n, 2n, 3n));
    expect(unknown.refused.map((row) => row.code)).toEqual(["hold_unknown", "hold_unknown", "hold_unknown"]);
    const holdId = await holdOf(await workspaceWith(1_000n), 600n);
    const nothing = await settle(as("general_worker"), holdId, rowsOf(0n, 100n));
    expect(nothing).toMatchObject({ newRows: 1, refused: [{ amountMilli: 0n, code: "amount_invalid" }] });
  });

  test("that comes twice at once is charged once", async () => {
    const workspaceId = await workspaceWith(10_000n);
    const holdId = await holdOf(workspaceId, 10_000n);
    const rows = rowsOf(...Array.from({ length: 100 }, () => 100n));
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => settle(as("general_worker"), holdId, rows)));
    expect(outcomes.map((outcome) => outcome.newRows).sort((a, b) => a - b)).toEqual([0, 0, 0, 0, 0, 100]);
    expect(outcomes.every((outcome) => outcome.settledIds.length === 100)).toBe(true);
    expect(await readWorkspace(as("rpc"), workspaceId)).toMatchObject({ heldMilli: 0n, spentMilli: 10_000n });
  });
});

describe("a top-up", () => {
  test("with an Idempotency-Key adds once and repeats its first answer; another amount is refused", async () => {
    const workspaceId = await workspaceWith(0n);
    const request = { workspaceId, key: "order-1", amountMilli: 500n };
    const ask = (amountMilli = 500n) =>
      topUpByKey(as("webapi"), { ...request, amountMilli }, (transferId, balance) => ({
        status: 201,
        body: { transferId, version: Number(balance.version) },
      }));
    const first = await ask();
    await topUp(as("webapi"), { workspaceId, transferId: randomUUID(), amountMilli: 1n });
    expect(await ask()).toEqual({ answer: first.answer, balance: null });
    await expect(ask(501n)).rejects.toEqual(code("idempotency_key_reused"));
    // the stored answer is deleted after a day, the transfer stays
    await as("owner")`update idempotency_key set created_at = now() - interval '25 hours'`;
    expect(await purgeStoredAnswers(as("webapi"))).toBeGreaterThan(0);
    await expect(ask(501n)).rejects.toEqual(code("idempotency_key_reused"));
    expect((await ask()).balance).toBeNull();
    expect(await readWorkspace(as("rpc"), workspaceId)).toMatchObject({ availableMilli: 501n });
  });

  test("that is under way answers its twins in_flight, and adds once", async () => {
    const workspaceId = await workspaceWith(0n);
    const answers = await Promise.allSettled(
      Array.from({ length: 12 }, () =>
        topUpByKey(as("webapi"), { workspaceId, key: "twin", amountMilli: 500n }, () => ({ status: 201, body: {} })),
      ),
    );
    const refusals = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason.code] : []));
    expect(new Set([...refusals, "idempotency_key_in_flight"]).size).toBe(1);
    expect(await readWorkspace(as("rpc"), workspaceId)).toMatchObject({ availableMilli: 500n, version: 1n });
  });

  test("is refused when the sum could leave a bigint", async () => {
    const workspaceId = await workspaceWith(0n);
    await as("owner")`update workspace set spent = ${balanceMilliMax - 10n} where id = ${workspaceId}`;
    await expect(topUp(as("webapi"), { workspaceId, transferId: randomUUID(), amountMilli: 11n })).rejects.toEqual(code("amount_invalid"));
    await topUp(as("webapi"), { workspaceId, transferId: randomUUID(), amountMilli: 10n });
  });

  test("with a transfer id of another amount or workspace is a conflict", async () => {
    const [mine, other] = [await workspaceWith(0n), await workspaceWith(0n)];
    const transferId = randomUUID();
    await topUp(as("rpc"), { workspaceId: mine, transferId, amountMilli: 5n });
    expect(await topUp(as("rpc"), { workspaceId: mine, transferId, amountMilli: 5n })).toMatchObject({ existed: true });
    await expect(topUp(as("rpc"), { workspaceId: mine, transferId, amountMilli: 6n })).rejects.toEqual(code("transfer_conflict"));
    await expect(topUp(as("rpc"), { workspaceId: other, transferId, amountMilli: 5n })).rejects.toEqual(code("transfer_conflict"));
  });
});

test("a transfer id follows from its source and purpose alone, and is a UUID of version 8", () => {
  const holdId = "0198c0de-0000-7000-8000-000000000001";
  const id = deriveTransferId("hold", holdId);
  expect(deriveTransferId("hold", holdId)).toBe(id);
  expect(isUuid(id) && id[14] === "8" && "89ab".includes(id[19] as string)).toBe(true);
  expect(
    new Set([id, deriveTransferId("release", holdId), deriveTransferId("top_up", "ab", "c"), deriveTransferId("top_up", "a", "bc")]).size,
  ).toBe(4);
});

test("the pages of the ledger show every entry once, newest first, also those of one moment", async () => {
  const workspaceId = await workspaceWith(100_000n);
  const holdId = await holdOf(workspaceId, 50_000n);
  await settle(as("general_worker"), holdId, rowsOf(...Array.from({ length: 20 }, () => 100n)));
  await settle(as("general_worker"), holdId, rowsOf(7n, 8n, 9n));
  const seen: { transferId: string; createdAt: string }[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof readLedger>> = await readLedger(as("webapi"), workspaceId, { cursor, rowsMax: 4 });
    seen.push(...page.entries);
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(seen).toHaveLength(25);
  expect(new Set(seen.map((entry) => entry.transferId)).size).toBe(25);
  expect(seen.map((entry) => entry.createdAt)).toEqual(
    seen
      .map((entry) => entry.createdAt)
      .sort()
      .reverse(),
  );
  for (const wrong of ["x", "", Buffer.from("2026-13-99T00:00:00.000000Z 0").toString("base64url")]) {
    await expect(readLedger(as("webapi"), workspaceId, { cursor: wrong, rowsMax: 4 })).rejects.toEqual(code("request_invalid"));
  }
});

describe("an API key", () => {
  test("is stored as its hash alone, found by it, and refused once revoked", async () => {
    const workspaceId = await workspaceWith(0n);
    const made = await createKey(as("webapi"), { workspaceId, name: "console", scopes: ["send", "read"] });
    expect(made.key).toMatch(/^bk_[\w-]{43}$/);
    const [stored] = await as("check")`select secret_sha256, to_jsonb(k)::text as everything from api_key k where id = ${made.id}`;
    expect(stored?.everything).not.toContain(made.key.slice(3));
    const hash = Buffer.from(stored?.secret_sha256).toString("hex");
    expect(await findKey(as("rpc"), hash)).toMatchObject({ id: made.id, workspaceId, scopes: ["send", "read"] });
    await expect(revokeKey(as("webapi"), made.id, await workspaceWith(0n))).rejects.toEqual(code("key_not_found"));
    await revokeKey(as("webapi"), made.id, workspaceId);
    await revokeKey(as("webapi"), made.id, workspaceId);
    await expect(findKey(as("rpc"), hash)).rejects.toEqual(code("key_invalid"));
    for (const wrong of ["", "zz", hash.toUpperCase(), `${hash}00`])
      await expect(findKey(as("rpc"), wrong)).rejects.toEqual(code("key_invalid"));
    expect(await listKeys(as("webapi"), workspaceId)).toEqual([]);
  });

  test("may be one of a limited number of live ones", async () => {
    const workspaceId = await workspaceWith(0n);
    const make = () => createKey(as("webapi"), { workspaceId, name: "one of many", scopes: ["read"] });
    for (let made = 0; made < liveKeysMax; made++) await make();
    await expect(make()).rejects.toEqual(code("request_invalid"));
  });
});

describe("least rights", () => {
  test("no role changes or deletes a row of the ledger", async () => {
    await workspaceWith(100n);
    for (const role of ["webapi", "rpc", "general_worker", "check"]) {
      await expect(
        as(role).begin("read write", (t) => t`update credit_ledger set amount = 1`),
        role,
      ).rejects.toMatchObject({ code: "42501" });
      await expect(
        as(role).begin("read write", (t) => t`delete from credit_ledger`),
        role,
      ).rejects.toMatchObject({ code: "42501" });
      await expect(
        as(role).begin("read write", (t) => t`truncate credit_ledger`),
        role,
      ).rejects.toMatchObject({ code: "42501" });
    }
  });

  test("check writes nothing, general_worker makes no credit hold, rpc makes no key, webapi deletes no workspace", async () => {
    const workspaceId = await workspaceWith(100n);
    const denied = { code: "42501" };
    await expect(as("check").begin("read write", (t) => t`update workspace set available = 0`)).rejects.toMatchObject(denied);
    await expect(
      as("general_worker")`insert into credit_hold (id, workspace_id, amount, state) values (${randomUUID()}, ${workspaceId}, 1, 'open')`,
    ).rejects.toMatchObject(denied);
    await expect(
      as("rpc")`insert into api_key (name, secret_sha256, scopes) values ('x', ${Buffer.alloc(32)}, array['admin'])`,
    ).rejects.toMatchObject(denied);
    await expect(as("webapi")`delete from workspace`).rejects.toMatchObject(denied);
    await expect(as("webapi")`update credit_hold set settled = 1`).rejects.toMatchObject(denied);
  });

  test("a role of the other database cannot connect", async () => {
    const salesdb = await createTestDatabase("salesdb");
    try {
      const url = new URL(salesdb.urls.salesapi as string);
      url.pathname = new URL(database.ownerUrl).pathname;
      const intruder = openPostgres(url.href, { applicationName: "intruder", connections: 1 });
      await expect(intruder`select 1`).rejects.toMatchObject({ code: "42501" });
      await intruder.end();
    } finally {
      await salesdb.drop();
    }
  });
});
