// The credit domain against a naive model: random commands with repeats and contradictions, split
// in any way, and many at once. A failure prints its seed; TEST_SEED=<seed> runs it again.
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../testing/engines.ts";
import { AppError, type ErrorCode } from "../contracts/errors.ts";
import { openPostgres, type Sql } from "../platform/postgres.ts";
import { release, reserve } from "./holds.ts";
import { type Settle, settle } from "./settle.ts";
import { topUp } from "./top_up.ts";
import { type Balance, createWorkspace, readWorkspace } from "./workspaces.ts";

const seed = process.env.TEST_SEED === undefined ? undefined : Number(process.env.TEST_SEED);
/** On a busy machine this does fewer runs instead of failing. */
const runs = (numRuns: number) => ({ numRuns, interruptAfterTimeLimit: 12_000, ...(seed === undefined ? {} : { seed }) });

let database: TestDatabase;
let rpc: Sql;
let worker: Sql;
let webapi: Sql;
let check: Sql;
beforeAll(async () => {
  database = await createTestDatabase("ds");
  const open = (role: string) => openPostgres(database.urls[role] as string, { applicationName: `test ${role}`, connections: 8 });
  [rpc, worker, webapi, check] = [open("rpc"), open("general_worker"), open("webapi"), open("check")];
});
afterAll(async () => {
  await Promise.all([rpc, worker, webapi, check].map((sql) => sql?.end()));
  await database?.drop();
});

/**
 * Everything is small, so that commands collide: two workspaces, three holds, six transfers, and
 * amounts that often do not fit.
 */
const workspaceNo = fc.nat({ max: 1 });
const holdNo = fc.nat({ max: 2 });
const amount = fc.integer({ min: 1, max: 12 }).map((n) => BigInt(n) * 50n);
const command = fc.oneof(
  fc.record({ kind: fc.constant("topUp" as const), workspaceNo, transferNo: fc.nat({ max: 3 }), amount }),
  fc.record({ kind: fc.constant("reserve" as const), workspaceNo, holdNo, amount }),
  fc.record({ kind: fc.constant("release" as const), workspaceNo, holdNo }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      holdNo,
      rows: fc.array(fc.record({ settleNo: fc.nat({ max: 5 }), amount }), { minLength: 1, maxLength: 4 }),
    }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

interface ModelHold {
  workspaceNo: number;
  amount: bigint;
  settled: bigint;
  state: "open" | "closed";
  origin: "held" | "refused" | "tombstone";
}

/** The contract taken literally, with no thought of crashes or speed. */
class Model {
  readonly workspaces = [0, 1].map(() => ({ available: 0n, held: 0n, spent: 0n, version: 0n }));
  readonly holds = new Map<number, ModelHold>();
  readonly topUps = new Map<number, string>();
  readonly settles = new Map<number, string>();

  /** The answer that the caller gets. */
  run(c: Command): unknown {
    if (c.kind === "topUp") return this.topUp(c.workspaceNo, c.transferNo, c.amount);
    if (c.kind === "reserve") return this.reserve(c.workspaceNo, c.holdNo, c.amount);
    if (c.kind === "release") return this.release(c.workspaceNo, c.holdNo);
    const refused = new Set(c.rows.filter((row) => !this.settle(c.holdNo, row.settleNo, row.amount)).map((row) => row.settleNo));
    const settled = new Set(c.rows.map((row) => row.settleNo).filter((no) => !refused.has(no)));
    return { settled: [...settled].sort(), refused: [...refused].sort() };
  }

  private topUp(workspaceNo: number, transferNo: number, amount: bigint) {
    const known = this.topUps.get(transferNo);
    if (known !== undefined) return known === `${workspaceNo} ${amount}` ? { existed: true } : "transfer_conflict";
    this.topUps.set(transferNo, `${workspaceNo} ${amount}`);
    this.move(workspaceNo, amount, 0n, 0n);
    return { existed: false };
  }

  private reserve(workspaceNo: number, holdNo: number, amount: bigint) {
    const hold = this.holds.get(holdNo);
    if (hold === undefined) {
      const isRefused = (this.workspaces[workspaceNo]?.available as bigint) < amount;
      const origin = isRefused ? "refused" : "held";
      this.holds.set(holdNo, { workspaceNo, amount, settled: 0n, state: isRefused ? "closed" : "open", origin });
      if (isRefused) return "insufficient_credit";
      this.move(workspaceNo, -amount, amount, 0n);
      return { existed: false };
    }
    if (hold.workspaceNo !== workspaceNo) return "hold_conflict";
    if (hold.origin === "tombstone") return "hold_closed";
    if (hold.amount !== amount) return "hold_conflict";
    if (hold.origin === "refused") return "insufficient_credit";
    return hold.state === "closed" ? "hold_closed" : { existed: true };
  }

  private release(workspaceNo: number, holdNo: number) {
    const hold = this.holds.get(holdNo);
    if (hold === undefined) {
      this.holds.set(holdNo, { workspaceNo, amount: 0n, settled: 0n, state: "closed", origin: "tombstone" });
      return { released: 0n, settled: 0n };
    }
    if (hold.workspaceNo !== workspaceNo) return "hold_conflict";
    const open = hold.state === "open" ? hold.amount - hold.settled : 0n;
    hold.state = "closed";
    if (open > 0n) this.move(workspaceNo, open, -open, 0n);
    return { released: open, settled: hold.settled };
  }

  private settle(holdNo: number, settleNo: number, amount: bigint): boolean {
    const hold = this.holds.get(holdNo);
    if (hold === undefined) return false;
    const known = this.settles.get(settleNo);
    if (known !== undefined) return known === `${holdNo} ${amount}`;
    if (hold.state === "closed" || hold.amount - hold.settled < amount) return false;
    this.settles.set(settleNo, `${holdNo} ${amount}`);
    hold.settled += amount;
    this.move(hold.workspaceNo, 0n, -amount, amount);
    return true;
  }

  private move(workspaceNo: number, available: bigint, held: bigint, spent: bigint) {
    const workspace = this.workspaces[workspaceNo] as { available: bigint; held: bigint; spent: bigint };
    workspace.available += available;
    workspace.held += held;
    workspace.spent += spent;
  }
}

/** New ids for each run, so that all runs share one database. */
async function freshWorld() {
  const workspaceIds = [(await createWorkspace(webapi, "one")).workspaceId, (await createWorkspace(webapi, "two")).workspaceId];
  const ids = (count: number) => Array.from({ length: count }, (): string => randomUUID());
  return { workspaceIds, holdIds: ids(3), transferIds: ids(4), settleIds: ids(6) };
}
type World = Awaited<ReturnType<typeof freshWorld>>;

async function run(world: World, c: Command): Promise<unknown> {
  if (c.kind === "settle") {
    const rows = c.rows.map((row) => ({ outboxId: world.settleIds[row.settleNo] as string, amountMilli: row.amount }));
    const outcome = await settle(worker, world.holdIds[c.holdNo] as string, rows);
    const numbers = (outboxIds: string[]) => [...new Set(outboxIds.map((id) => world.settleIds.indexOf(id)))].sort();
    return { settled: numbers(outcome.settledIds), refused: numbers(outcome.refused.map((row) => row.outboxId)) };
  }
  const workspaceId = world.workspaceIds[c.workspaceNo] as string;
  try {
    if (c.kind === "topUp") {
      const transferId = world.transferIds[c.transferNo] as string;
      return { existed: (await topUp(webapi, { workspaceId, transferId, amountMilli: c.amount })).existed };
    }
    const holdId = world.holdIds[c.holdNo] as string;
    if (c.kind === "reserve") return { existed: (await reserve(rpc, { workspaceId, holdId, amountMilli: c.amount })).existed };
    const { releasedMilli, settledMilli } = await release(rpc, { workspaceId, holdId });
    return { released: releasedMilli, settled: settledMilli };
  } catch (error) {
    if (error instanceof AppError) return error.code satisfies ErrorCode;
    throw error;
  }
}

/**
 * The laws of ds for these workspaces: the balance equals the sum of the ledger, and held equals
 * the open part of open holds.
 */
async function assertLedgerAgrees(workspaceIds: string[]) {
  const rows = await check<{ available: bigint; held: bigint; spent: bigint; ledger: bigint[]; open: bigint; holdsAgree: boolean }[]>`
    select w.available, w.held, w.spent,
      (select array[
        coalesce(sum(amount) filter (where credit = 'available'), 0) - coalesce(sum(amount) filter (where debit = 'available'), 0),
        coalesce(sum(amount) filter (where credit = 'held'), 0) - coalesce(sum(amount) filter (where debit = 'held'), 0),
        coalesce(sum(amount) filter (where credit = 'spent'), 0)]::bigint[]
        from credit_ledger l where l.workspace_id = w.id) as ledger,
      (select coalesce(sum(amount - settled - released), 0)::bigint from credit_hold h where h.workspace_id = w.id and h.state = 'open') as open,
      (select coalesce(bool_and(h.settled = (
          select coalesce(sum(l.amount), 0) from credit_ledger l where l.hold_id = h.id and l.kind = 'settle')), true)
        from credit_hold h where h.workspace_id = w.id) as "holdsAgree"
    from workspace w where w.id = any(${workspaceIds}::uuid[])`;
  expect(rows).toHaveLength(workspaceIds.length);
  for (const row of rows) {
    expect(row.ledger.map(BigInt)).toEqual([row.available, row.held, row.spent]);
    expect(row.open).toBe(row.held);
    expect(row.holdsAgree).toBe(true);
  }
}

const figures = ({ availableMilli, heldMilli, spentMilli }: Balance) => ({
  available: availableMilli,
  held: heldMilli,
  spent: spentMilli,
});

describe("the ledger", () => {
  test("answers and ends as the naive model does, for any sequence of commands", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), async (commands) => {
        const world = await freshWorld();
        const model = new Model();
        // something to hold and settle from the start; one workspace has little credit
        const start: Command[] = [
          { kind: "topUp", workspaceNo: 0, transferNo: 0, amount: 1_500n },
          { kind: "reserve", workspaceNo: 0, holdNo: 0, amount: 500n },
        ];
        for (const c of [...start, ...commands]) expect(await run(world, c), JSON.stringify(c, replaceBigint)).toEqual(model.run(c));
        for (const [index, id] of world.workspaceIds.entries()) {
          const { version: _, ...expected } = model.workspaces[index] as (typeof model.workspaces)[number];
          expect(figures(await readWorkspace(rpc, id))).toEqual(expected);
        }
        await assertLedgerAgrees(world.workspaceIds);
      }),
      runs(30),
    );
  });

  test("agrees with itself after any commands at once, and each of them is decided once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 30 }), async (commands) => {
        const world = await freshWorld();
        for (const workspaceNo of [0, 1]) {
          await topUp(webapi, { workspaceId: world.workspaceIds[workspaceNo] as string, transferId: randomUUID(), amountMilli: 1_000n });
        }
        await Promise.all(commands.map((c) => run(world, c)));
        await assertLedgerAgrees(world.workspaceIds);
        // what is decided stays decided: repeating everything moves no credit except through
        // settles and top-ups that are new
        const versions = await Promise.all(world.workspaceIds.map((id) => readWorkspace(rpc, id)));
        const decided = commands.filter((c) => c.kind === "reserve" || c.kind === "topUp");
        await Promise.all(decided.map((c) => run(world, c)));
        expect(await Promise.all(world.workspaceIds.map((id) => readWorkspace(rpc, id)))).toEqual(versions);
      }),
      runs(15),
    );
  });

  test("ends the same however the settles are cut into batches, repeated, reordered and sent at once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(amount, { minLength: 1, maxLength: 40 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 }),
        async (amounts, cuts) => {
          const { workspaceId } = await createWorkspace(webapi, "cut");
          const total = amounts.reduce((sum, value) => sum + value, 0n);
          await topUp(webapi, { workspaceId, transferId: randomUUID(), amountMilli: total + 500n });
          const holdId = randomUUID();
          await reserve(rpc, { workspaceId, holdId, amountMilli: total });
          const rows: Settle[] = amounts.map((amountMilli) => ({ outboxId: randomUUID(), amountMilli }));
          // any slices, overlapping and in any order, then the rest, so that every row is included
          const batches = cuts.map(([from, length]) => {
            const start = from % rows.length;
            return rows.slice(start, start + 1 + (length % rows.length)).reverse();
          });
          const outcomes = await Promise.all([...batches, rows].map((batch) => settle(worker, holdId, batch)));
          expect(outcomes.flatMap((outcome) => outcome.refused)).toEqual([]);
          expect(outcomes.reduce((sum, outcome) => sum + outcome.newRows, 0)).toBe(rows.length);
          expect(figures(await readWorkspace(rpc, workspaceId))).toEqual({ available: 500n, held: 0n, spent: total });
          await assertLedgerAgrees([workspaceId]);
        },
      ),
      runs(15),
    );
  });
});

const replaceBigint = (_key: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value);
