// What the sender promises, against a real HTTP server: order per key, one delivery per item, the
// same id at each attempt, Retry-After, halves, quarantine, stop.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { randomRuns } from "../../testing/random_runs.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { verifyWebhook } from "../protocols/standard_webhooks/webhook_signature.ts";
import { type BodyRenderer, createSender, type Sender, type SenderOptions } from "./sender.ts";

const secret = "a secret of the test";

interface Seen {
  id: string;
  items: number[];
  text: string;
  isSigned: boolean;
  /** null: the connection was cut. */
  status: number | null;
  atMs: number;
}
type Answer = { status: number; headers?: Record<string, string> } | null;

let server: Server | null = null;
let sender: Sender | null = null;
let seen: Seen[] = [];
afterEach(close);

async function close(): Promise<void> {
  server?.closeAllConnections();
  await sender?.stop();
  server?.close();
  server = null;
  sender = null;
}

async function listen(answer: (items: number[], bodyNo: number) => Answer): Promise<string> {
  seen = [];
  server = createServer(async (request, response) => {
    const body = await text(request);
    const { items } = JSON.parse(body) as { items: number[] };
    const given = answer(items, seen.length);
    const isSigned = verifyWebhook({ secrets: [secret], headers: request.headers, body, nowS: Date.now() / 1_000 });
    const id = String(request.headers["webhook-id"]);
    seen.push({ id, items, text: body, isSigned, status: given?.status ?? null, atMs: performance.now() });
    if (given === null) request.socket.destroy();
    else response.writeHead(given.status, given.headers).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks?x=1`;
}

/** Bodies that list their items; `isWanted` false: no longer to be sent. */
function listBodies(isWanted: (item: number) => boolean = () => true, note = ""): BodyRenderer {
  let items: number[] = [];
  return {
    begin() {
      items = [];
    },
    add(_owner, item) {
      if (isWanted(item)) items.push(item);
      return isWanted(item);
    },
    finish: () => ({ id: `${items[0]}+${items.length}`, text: JSON.stringify({ items, note }) }),
  };
}

interface Outcome {
  delivered: number[];
  dropped: number[];
}

function open(url: string, changes: Partial<SenderOptions> = {}): Outcome & { sender: Sender } {
  const outcome: Outcome = { delivered: [], dropped: [] };
  sender = createSender({
    url,
    secret,
    itemsPerBody: 10,
    concurrency: 2,
    pipelining: 1,
    renderer: listBodies(),
    done: (_owner, item, isDelivered) => void outcome[isDelivered ? "delivered" : "dropped"].push(item),
    onBodyDelivered() {},
    onAttempt() {},
    ...changes,
  });
  return { ...outcome, sender };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, item) => item);
const untilIdle = (of: Sender) => waitFor("every item", () => of.pending() === 0);
const accepted = (): number[] => seen.filter(({ status }) => status !== null && status < 300).flatMap(({ items }) => items);

test("each item is delivered once, those of a key in order, whatever fails on the way", async () => {
  const plan = fc.record({
    keys: fc.array(fc.nat(6), { minLength: 1, maxLength: 60 }),
    itemsPerBody: fc.integer({ min: 1, max: 12 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    pipelining: fc.integer({ min: 1, max: 3 }),
    /** What becomes of the first bodies: an answer, or a cut connection. */
    failures: fc.array(fc.constantFrom(500, 429, 408, null), { maxLength: 3 }),
    /** Items that are refused in company and accepted alone: they are found by halves. */
    shy: fc.uniqueArray(fc.nat(59), { maxLength: 3 }),
    unwanted: fc.uniqueArray(fc.nat(59), { maxLength: 3 }),
  });
  const property = fc.asyncProperty(plan, async ({ keys, failures, shy, unwanted, ...options }) => {
    const url = await listen((items, bodyNo) => {
      const failure = failures[bodyNo];
      if (failure !== undefined) return failure === null ? null : { status: failure };
      return { status: items.length > 1 && items.some((item) => shy.includes(item)) ? 422 : 204 };
    });
    try {
      const { sender, delivered, dropped } = open(url, { ...options, renderer: listBodies((item) => !unwanted.includes(item)) });
      keys.forEach((key, item) => {
        sender.push(key, 1, item);
      });
      expect(sender.pending()).toBe(keys.length);
      sender.flush();
      await untilIdle(sender);
      const wanted = numbers(keys.length).filter((item) => !unwanted.includes(item));
      expect(delivered.toSorted((a, b) => a - b)).toEqual(wanted);
      expect(dropped.toSorted((a, b) => a - b)).toEqual(numbers(keys.length).filter((item) => unwanted.includes(item)));
      // a body whose answer was lost comes twice; its items' first arrival counts
      const arrived = [...new Set(accepted())];
      for (const key of new Set(keys)) {
        const ofKey = wanted.filter((item) => keys[item] === key);
        expect(arrived.filter((item) => keys[item] === key)).toEqual(ofKey);
      }
      expect(seen.every(({ isSigned, items }) => isSigned && items.length <= options.itemsPerBody)).toBe(true);
      for (const { id, items } of seen) expect(id).toBe(`${items[0]}+${items.length}`);
    } finally {
      await close();
    }
  });
  await fc.assert(property, { numRuns: randomRuns(8), endOnFailure: true });
}, 60_000);

describe("a refused body", () => {
  test("is halved until the poison message stands alone, which then waits beside its lane", async () => {
    const poison = 7;
    let isFixed = false;
    const url = await listen((items) => ({ status: items.includes(poison) && !isFixed ? 400 : 200 }));
    const { sender, delivered } = open(url, { concurrency: 1 });
    for (const item of numbers(30)) sender.push(0, 1, item);
    sender.flush();
    await waitFor("all others", () => delivered.length === 29);
    expect(delivered).toEqual(numbers(30).filter((item) => item !== poison));
    expect(sender.pending()).toBe(1);
    isFixed = true;
    await untilIdle(sender);
    expect(delivered.at(-1)).toBe(poison);
  });

  test("is repeated whole after any other status", async () => {
    const url = await listen((_items, bodyNo) => ({ status: bodyNo === 0 ? 401 : 200 }));
    const { sender } = open(url, { concurrency: 1 });
    for (const item of numbers(10)) sender.push(0, 1, item);
    sender.flush();
    await untilIdle(sender);
    expect(seen.map(({ id, status }) => [id, status])).toEqual([
      ["0+10", 401],
      ["0+10", 200],
    ]);
  });
});

test.each([
  ["in seconds", () => "1"],
  ["as a date", () => new Date(Date.now() + 2_000).toUTCString()],
])("Retry-After %s holds back every lane", async (_form, retryAfter) => {
  const value = retryAfter();
  const url = await listen((_items, bodyNo) => (bodyNo === 0 ? { status: 503, headers: { "retry-after": value } } : { status: 200 }));
  const { sender } = open(url, { concurrency: 4, itemsPerBody: 5 });
  sender.push(0, 1, 0);
  sender.flush();
  await waitFor("the first body", () => seen.length > 0);
  // other lanes may overtake the refusal; none may start in the time that was asked for
  for (const item of numbers(200)) sender.push(item, 1, item + 1);
  sender.flush();
  await untilIdle(sender);
  const firstMs = seen[0]?.atMs ?? 0;
  expect(seen.filter(({ atMs }) => atMs > firstMs + 400 && atMs < firstMs + 900)).toEqual([]);
});

test("stop ends waits at once, and forgets without a word what has no 2xx", async () => {
  const url = await listen((_items, bodyNo) => ({ status: 503, headers: bodyNo === 0 ? { "retry-after": "300" } : {} }));
  const { sender, delivered, dropped } = open(url, { concurrency: 3 });
  for (const item of numbers(50)) sender.push(item, 1, item);
  sender.flush();
  await waitFor("an attempt", () => seen.length > 0);
  const startedMs = performance.now();
  await sender.stop();
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect([...delivered, ...dropped]).toEqual([]);
  expect(sender.pending()).toBe(50);
});

test("a body arrives as it was rendered, whatever characters are in it", async () => {
  const url = await listen(() => ({ status: 200 }));
  const note = "ä € 😀 \u0000 \u2028 \ud800".repeat(50);
  const bodies: string[] = [];
  const { sender } = open(url, { renderer: listBodies(() => true, note), onBodyDelivered: (_headers, body) => void bodies.push(body) });
  sender.push(0, 1, 5);
  sender.flush();
  await untilIdle(sender);
  expect(seen.map(({ text: body, isSigned }) => [body, isSigned])).toEqual([[JSON.stringify({ items: [5], note }), true]]);
  expect(bodies).toEqual(seen.map(({ text: body }) => body));
});
