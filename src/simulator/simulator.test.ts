import { randomUUID } from "node:crypto";
import { cpSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ReceiptsReceiver, startReceiptsReceiver } from "../../testing/receipts_receiver.ts";
import { createClock, type SimulatorClock } from "./clock.ts";
import { answerDelayMs, delaysOf, fateOf } from "./plan.ts";
import { simulatorProfiles } from "./profiles.ts";
import { chanceStream } from "./random.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "./simulator.ts";

const batchId = "0192f0c1-2345-7abc-8def-0123456789ab";
/** A block that no operator assigns; the last two digits say how it ends. */
const forced = (digits: string): string => `+467017406${digits}`;
const delivered = forced("10");

let folder: string;
let receiver: ReceiptsReceiver;
let carriers: Simulator[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bulksms-simulator-"));
  receiver = await startReceiptsReceiver();
  carriers = [];
});
afterEach(async () => {
  await Promise.all(carriers.map((simulator) => simulator.stop()));
  await receiver.close();
  await rm(folder, { recursive: true, force: true });
});

async function startSimulator(changes: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = createSimulator({
    folder: join(folder, "first"),
    seed: 7,
    profile: "answered",
    speed: Number.POSITIVE_INFINITY,
    partsPerSecond: 0,
    receiptHorizonMs: 10_000,
    receiptsUrl: receiver.url,
    receiptSecret: receiver.secret,
    receiptsPerBody: 100,
    callbackConcurrency: 4,
    callbackPipelining: 1,
    onFatal: (error) => {
      throw error;
    },
    ...changes,
  });
  await simulator.start();
  carriers = [simulator];
  return simulator;
}

/**
 * What kill -9 leaves: the files as they are at this moment. Another simulator starts on a copy of
 * them.
 */
async function killAndRestart(changes: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const copy = join(folder, `copy${randomUUID()}`);
  await cp(join(folder, "first"), copy, { recursive: true });
  await Promise.all(carriers.map((simulator) => simulator.stop()));
  return startSimulator({ ...changes, folder: copy });
}

function submit(to: readonly string[], changes: Record<string, unknown> = {}) {
  const messages = to.map((number, at) => ({ row_no: at + 1, to: number, parts: 1 + (at % 3) }));
  return {
    batch_id: batchId,
    sender: "Oulu",
    text: "Hello",
    valid_until: new Date(Date.now() + 3_600_000).toISOString(),
    messages,
    ...changes,
  };
}

const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `+35840${1_000_000 + at}`);
const statusesOf = (rowNo: number): string[] =>
  receiver
    .answered()
    .filter(({ reference }) => reference === `${batchId}.${rowNo}`)
    .map(({ status }) => status);
const isAllAnswered = (simulator: Simulator) => () => simulator.gauges().unfinished === 0 && simulator.gauges().receipts_pending === 0;

describe("a submit", () => {
  test("ends each message as its number says, with its receipts in order", async () => {
    const simulator = await startSimulator();
    const verdict = await simulator.submit(submit(["10", "20", "32", "42", "50"].map(forced)));
    expect(verdict).toEqual({ batch_id: batchId, accepted: 4, rejected: [{ row_no: 5, error_code: "no_sms_service" }] });
    await receiver.until(isAllAnswered(simulator));
    expect([1, 2, 3, 4, 5].map(statusesOf)).toEqual([
      ["queued", "sent", "delivered"],
      ["queued", "sent"],
      ["queued", "sent", "undelivered"],
      ["queued", "failed"],
      [],
    ]);
    expect(receiver.answered().find(({ status }) => status === "undelivered")?.error_code).toBe("unknown_subscriber");
    expect(await simulator.batch(batchId)).toMatchObject({ accepted: 4, rejected: 1, sent: 3, parts_sent: 6, delivered: 1, failed: 1 });
    expect(await simulator.message(`${batchId}.4`)).toMatchObject({ state: "failed", error_code: "flooding_filter", sent_at: null });
    await expect(simulator.message(`${batchId}.6`)).rejects.toThrow();
  });

  test("that is repeated gets the first verdict again and is sent once", async () => {
    const simulator = await startSimulator({ profile: "dirty-list" });
    const body = submit(many(500));
    const first = await simulator.submit(body);
    expect(first.rejected.length).toBeGreaterThan(0);
    expect(await simulator.submit(body)).toEqual(first);
    await receiver.until(isAllAnswered(simulator));
    expect(await simulator.submit(body)).toEqual(first);
    const sums = await simulator.batch(batchId);
    expect(sums).toMatchObject({ accepted: first.accepted, rejected: first.rejected.length, repeats: 1_000, repeats_differing: 0 });
    const told = receiver
      .answered()
      .filter(({ status }) => status === "sent")
      .map(({ id }) => id);
    expect(new Set(told).size).toBe(sums.sent);
  });

  test("that comes twice at the same moment is accepted once", async () => {
    const simulator = await startSimulator();
    const body = submit(many(100));
    const verdicts = await Promise.all([simulator.submit(body), simulator.submit(body), simulator.submit(body)]);
    expect(verdicts[1]).toEqual(verdicts[0]);
    expect(verdicts[2]).toEqual(verdicts[0]);
    expect(await simulator.batch(batchId)).toMatchObject({ repeats: 200, repeats_differing: 0 });
  });

  test("of another message under a known reference is journaled as such, and changes nothing", async () => {
    const simulator = await startSimulator();
    const body = submit([delivered, delivered]);
    await simulator.submit(body);
    await simulator.submit({ ...body, text: "Something else" });
    await receiver.until(isAllAnswered(simulator));
    expect(await simulator.batch(batchId)).toMatchObject({ accepted: 2, sent: 2, repeats: 2, repeats_differing: 2 });
  });

  test("is answered when its verdict is on disk: a simulator that dies at that moment has forgotten nobody", async () => {
    const before = await startSimulator();
    await before.submit(submit(many(300)));
    // at once: whatever is written a turn later is not in this copy
    const copy = join(folder, "at-the-answer");
    cpSync(join(folder, "first"), copy, { recursive: true });
    await before.stop();
    const after = await startSimulator({ folder: copy });
    expect(await after.batch(batchId)).toMatchObject({ accepted: 300 });
  });

  test("has the same verdicts after a crash, whatever the settings say by then", async () => {
    const before = await startSimulator({ profile: "dirty-list", seed: 1 });
    const body = submit(many(300));
    const first = await before.submit(body);
    const after = await killAndRestart({ profile: "clean-list", seed: 2 });
    expect(await after.submit(body)).toEqual(first);
  });

  test("over the limit is refused whole and without effect, and taken later", async () => {
    const simulator = await startSimulator({ partsPerSecond: 100 });
    await simulator.submit(submit(many(50)));
    const next = { ...submit(many(60)), batch_id: "0192f0c1-2345-7abc-8def-0123456789ac" };
    await expect(simulator.submit(next)).rejects.toMatchObject({ code: "rate_limited", retryAfterS: 1 });
    expect(await simulator.batch(next.batch_id)).toMatchObject({ accepted: 0, rejected: 0 });
    expect(simulator.counts().throttled).toBe(1);
  });

  test("whose rows lie far apart works, and is refused when they touch too many files", async () => {
    const simulator = await startSimulator();
    const rows = (count: number, step: number) =>
      Array.from({ length: count }, (_, at) => ({ row_no: 1 + at * step, to: delivered, parts: 1 }));
    expect((await simulator.submit(submit([], { messages: rows(20, 100_000_000) }))).accepted).toBe(20);
    await expect(simulator.submit(submit([], { messages: rows(300, 1_000_000) }))).rejects.toMatchObject({ code: "request_invalid" });
    await receiver.until(isAllAnswered(simulator));
    expect(statusesOf(1_900_000_001)).toEqual(["queued", "sent", "delivered"]);
  });

  test("on a folder that another simulator has is impossible", async () => {
    await startSimulator();
    await expect(startSimulator()).rejects.toThrow(/another simulator/);
  });
});

describe("a receipt", () => {
  test("is repeated until its 2xx, under the same id and signed anew", async () => {
    receiver.answerWith((_receipts, bodyNo) => ({ status: bodyNo < 3 ? 500 : 204 }));
    const simulator = await startSimulator({ callbackConcurrency: 1 });
    await simulator.submit(submit([delivered]));
    await receiver.until(isAllAnswered(simulator));
    const [refused, , , taken] = receiver.bodies;
    expect(taken?.receipts).toEqual(refused?.receipts);
    expect(taken?.headers["webhook-id"]).toBe(refused?.headers["webhook-id"]);
    expect(taken?.receipts.map(({ id }) => id)).toEqual([1, 2, 3].map((no) => `${batchId}.1.${no}`));
    expect(receiver.bodies.every(({ isSignatureValid }) => isSignatureValid)).toBe(true);
    const waits = receiver.bodies.slice(1).map(({ atMs }, at) => atMs - (receiver.bodies[at]?.atMs ?? 0));
    expect(waits[0]).toBeGreaterThanOrEqual(90);
  });

  test("waits as long as the receiver asks for", async () => {
    receiver.answerWith((_receipts, bodyNo) => (bodyNo === 0 ? { status: 503, headers: { "retry-after": "1" } } : { status: 200 }));
    const simulator = await startSimulator();
    await simulator.submit(submit(many(600)));
    await receiver.until(isAllAnswered(simulator));
    const first = receiver.bodies[0]?.atMs ?? 0;
    // bodies of other lanes may have been on their way already; none starts in the second that was
    // asked for
    const during = receiver.bodies.filter(({ atMs }) => atMs > first + 300 && atMs < first + 950);
    expect(during).toEqual([]);
  });

  test("goes alone and bare when bodies hold one", async () => {
    const simulator = await startSimulator({ receiptsPerBody: 1 });
    await simulator.submit(submit([delivered, delivered]));
    await receiver.until(isAllAnswered(simulator));
    expect(receiver.bodies.length).toBe(6);
    expect(
      receiver.bodies.every(
        ({ isSingle, isSignatureValid, receipts, headers }) => isSingle && isSignatureValid && headers["webhook-id"] === receipts[0]?.id,
      ),
    ).toBe(true);
  });

  test("shares its body with others, and none has more than asked for", async () => {
    const simulator = await startSimulator({ receiptsPerBody: 50 });
    await simulator.submit(submit(many(1_000)));
    await receiver.until(isAllAnswered(simulator));
    const sizes = receiver.bodies.map(({ receipts }) => receipts.length);
    expect(Math.max(...sizes)).toBe(50);
    expect(sizes.length).toBeLessThan(120);
  });

  test("that the receiver refuses for its content does not hold back the others", async () => {
    const poisonMessage = `${batchId}.7.2`;
    receiver.answerWith((receipts) => ({ status: receipts.some(({ id }) => id === poisonMessage) ? 400 : 200 }));
    const simulator = await startSimulator({ callbackConcurrency: 1 });
    await simulator.submit(submit(new Array(20).fill(delivered)));
    await receiver.until(() => simulator.counts().receipts_answered === 59);
    expect(simulator.gauges().receipts_pending).toBe(1);
    receiver.answerWith(() => ({ status: 200 }));
    await receiver.until(isAllAnswered(simulator));
    expect(statusesOf(7)).toContain("sent");
  });

  test("of one message never overtakes the one before it, but where its fate says so", async () => {
    const simulator = await startSimulator({ profile: "typical", speed: 20_000, callbackConcurrency: 8, receiptsPerBody: 7 });
    const numbers = many(2_000);
    await simulator.submit(submit(numbers));
    const stream = chanceStream(7, batchId);
    const fates = numbers.map((_, at) => fateOf(simulatorProfiles.typical, stream, at + 1, 0));
    await receiver.until(() => simulator.gauges().receipts_pending === 0 && simulator.gauges().steps === 0, 40_000);
    const told = new Map<string, number[]>();
    for (const { reference, id } of receiver.answered()) told.set(reference, [...(told.get(reference) ?? []), Number(id.at(-1))]);
    const wrong = fates.flatMap((fate, at) => {
      const numbersListed = told.get(`${batchId}.${at + 1}`) ?? [];
      const all = fate.end === "rejected" ? [] : fate.end === "failed" || fate.end === "never" ? [1, 2] : [1, 2, 3];
      if (fate.reorderedNo === 1 && all.length > 0) all.splice(0, 2, 2, 1);
      if (fate.reorderedNo === 2 && all.length > 0) all.splice(1, 2, 3, 2);
      if (fate.duplicateNo > 0 && all.length > 0) all.push(fate.duplicateNo);
      return numbersListed.join() === all.join() ? [] : [`row ${at + 1} ${JSON.stringify(fate)} told ${numbersListed}`];
    });
    expect(wrong).toEqual([]);
  });

  test("of an early message comes before the submit is answered", async () => {
    const simulator = await startSimulator();
    let isEmittedFirst = false;
    receiver.answerWith(() => ({ status: 200 }));
    const answer = simulator.submit(submit([forced("13")])).then(() => {
      isEmittedFirst = receiver.bodies.length > 0;
    });
    await answer;
    expect(isEmittedFirst).toBe(true);
    await receiver.until(isAllAnswered(simulator));
    expect(statusesOf(1)).toEqual(["queued", "sent", "delivered"]);
  });
});

describe("after a crash", () => {
  test("exactly the receipts that were not answered are sent", async () => {
    const refusedRows = new Set([3, 5, 8]);
    const isRefused = (reference: string): boolean => refusedRows.has(Number(reference.split(".")[1]));
    receiver.answerWith((receipts) => ({ status: receipts.some(({ reference }) => isRefused(reference)) ? 503 : 200 }));
    const before = await startSimulator({ receiptsPerBody: 1, callbackConcurrency: 256 });
    const rows = Array.from({ length: 10 }, (_, at) => ({ row_no: at + 1, to: delivered, parts: 1 }));
    await before.submit(submit([], { messages: rows.slice(0, 2) }));
    await receiver.until(() => before.counts().receipts_answered === 6);
    await before.submit(submit([], { messages: rows.slice(2) }));
    // a row has its own lane, so only the receipts of the refused ones wait
    await receiver.until(() => before.counts().receipts_answered === 21 && receiver.bodies.some(({ status }) => status === 503));
    await before.batch(batchId); // writes the answered marks that still wait
    const answeredBefore = new Set(receiver.answered().map(({ id }) => id));
    receiver.bodies.length = 0;
    receiver.answerWith(() => ({ status: 200 }));

    const after = await killAndRestart();
    await receiver.until(isAllAnswered(after));
    const answeredAfter = receiver.answered().map(({ id }) => id);
    expect(answeredAfter.filter((id) => answeredBefore.has(id))).toEqual([]);
    expect(new Set([...answeredBefore, ...answeredAfter]).size).toBe(30);
    // a slow answer makes it send one again
    expect(new Set(answeredAfter).size).toBe(30 - answeredBefore.size);
    expect(await after.batch(batchId)).toMatchObject({ accepted: 10, sent: 10, delivered: 10, receipts_answered: 30 });
  });

  test("in the middle of its plans every message ends as it would have without it", async () => {
    const before = await startSimulator({ profile: "typical", speed: 10, callbackConcurrency: 8 });
    const numbers = many(1_000);
    await before.submit(submit(numbers));
    await receiver.until(() => before.counts().ended > 200);
    const after = await killAndRestart({ profile: "dirty-list", seed: 99, speed: 1 });
    // with speed 1 nothing would end within this test: the journaled speed goes on
    const stream = chanceStream(7, batchId);
    const fates = numbers.map((_, at) => fateOf(simulatorProfiles.typical, stream, at + 1, 0));
    const isSoon = (at: number): boolean => {
      const delays = delaysOf(simulatorProfiles.typical, stream, at + 1, fates[at] as (typeof fates)[number]);
      return delays.endedMs / 10 < 2_000;
    };
    const wanted = fates.flatMap(({ end }, at) =>
      isSoon(at) && (end === "delivered" || end === "undelivered") ? [`${batchId}.${at + 1} ${end}`] : [],
    );
    const ends = (): Set<string> => new Set(receiver.answered().map(({ reference, status }) => `${reference} ${status}`));
    await receiver.until(() => {
      const told = ends();
      return wanted.every((end) => told.has(end));
    }, 15_000);
    // the network tries phones out of reach again a minute later, 6 s at this speed
    await receiver.until(() => after.counts().ended > 0, 15_000);
    const contradictions = receiver.answered().filter(({ reference, status }) => {
      const end = fates[Number(reference.split(".")[1]) - 1]?.end;
      return (status === "delivered" || status === "undelivered") && status !== end;
    });
    expect(contradictions).toEqual([]);
  });
});

describe("when valid_until has passed", () => {
  const hours = 3_600_000;
  const real = createClock();
  const laterBy = (ms: number) => ({ ...real, wallMs: () => real.wallMs() + ms, steadyMs: () => real.steadyMs() + ms });

  test("nothing is sent any more, and what was not sent costs nothing", async () => {
    const simulator = await startSimulator();
    await simulator.submit(submit([delivered], { valid_until: new Date(Date.now() - 1_000).toISOString() }));
    await receiver.until(isAllAnswered(simulator));
    expect(statusesOf(1)).toEqual(["queued", "failed"]);
    expect(receiver.answered().at(-1)?.error_code).toBe("expired_in_network");
    expect(await simulator.batch(batchId)).toMatchObject({ accepted: 1, sent: 0, parts_sent: 0, failed: 1 });
  });

  test("a simulator that was down meanwhile does not send what it had only accepted", async () => {
    const before = await startSimulator({ profile: "typical", speed: 0.001 });
    void before.submit(submit(many(20))).catch(() => {});
    await receiver.until(() => before.counts().accepted + before.counts().rejected === 20);
    await before.batch(batchId);
    const after = await killAndRestart({ clock: laterBy(2 * hours), receiptHorizonMs: 10 * hours });
    await receiver.until(() => after.gauges().receipts_pending === 0 && after.gauges().steps < 20);
    expect(await after.batch(batchId)).toMatchObject({ sent: 0 });
  });

  test("a message on its way is undelivered, expired in the network", async () => {
    const simulator = await startSimulator({ profile: "typical", speed: 100 });
    // its phone answers at the network's second attempt, a minute later: 600 ms at this speed
    await simulator.submit(submit([forced("14")], { valid_until: new Date(Date.now() + 400).toISOString() }));
    await receiver.until(isAllAnswered(simulator));
    expect(statusesOf(1)).toEqual(["queued", "sent", "undelivered"]);
    expect(receiver.answered().at(-1)?.error_code).toBe("expired_in_network");
    expect(await simulator.batch(batchId)).toMatchObject({ sent: 1, parts_sent: 1, undelivered: 1 });
  });

  test("and the horizon and a day too, receipts are given up, also after a restart", async () => {
    receiver.answerWith(() => ({ status: 500 }));
    const before = await startSimulator();
    await before.submit(submit([delivered]));
    await receiver.until(() => receiver.bodies.length > 0);
    const after = await killAndRestart({ clock: laterBy(30 * 24 * hours) });
    await receiver.until(() => after.gauges().unfinished === 0);
    expect(after.counts().receipts_given_up).toBeGreaterThan(0);
    expect(await after.batch(batchId)).toMatchObject({ sent: 1, receipts_answered: 0 });
  });
});

describe("a wall clock that is set", () => {
  const hour = 3_600_000;
  const contacts = 60;
  const profile = simulatorProfiles.typical;
  const stream = chanceStream(7, batchId);
  /** When each message that is sent at all is sent, after its submit. */
  const sentAfterMs = Array.from({ length: contacts }, (_, at) => at + 1)
    .map((rowNo) => ({ rowNo, fate: fateOf(profile, stream, rowNo, 0) }))
    .filter(({ fate }) => fate.end !== "rejected" && fate.end !== "failed")
    .map(({ rowNo, fate }) => answerDelayMs(profile, stream, 1, 1) + delaysOf(profile, stream, rowNo, fate).sentMs)
    .sort((a, b) => a - b);
  /** Moments at which it is clear how many have been sent: far from any sending. */
  const moments = [0.25, 0.5, 0.75].map((share) => {
    const from = Math.floor(sentAfterMs.length * share);
    const gaps = sentAfterMs.slice(from, from + 10).map((ms, at) => ({ from: ms, to: sentAfterMs[from + at + 1] ?? ms }));
    const { from: lower, to } = gaps.reduce((best, gap) => (gap.to - gap.from > best.to - best.from ? gap : best));
    return { atMs: (lower + to) / 2, sent: sentAfterMs.filter((ms) => ms <= lower).length };
  });

  function handClock(wallMs: number) {
    const hands = { wallMs, steadyMs: 5_000_000, boot: 1 };
    const clock: SimulatorClock = { wallMs: () => hands.wallMs, steadyMs: () => hands.steadyMs, boot: 1 };
    return {
      hands,
      clock,
      pass(ms: number) {
        hands.wallMs += ms;
        hands.steadyMs += ms;
      },
    };
  }
  const validUntil = (wallMs: number) => ({ valid_until: new Date(wallMs + 48 * hour).toISOString() });
  const sent = async (simulator: Simulator) => (await simulator.batch(batchId)).sent;
  /** Each message's stamps, in the order of its receipts. */
  const expectStampsInOrder = () => {
    for (let rowNo = 1; rowNo <= contacts; rowNo++) {
      const stamps = receiver
        .answered()
        .filter(({ reference }) => reference === `${batchId}.${rowNo}`)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ at }) => at);
      expect(stamps, `row ${rowNo}`).toEqual([...stamps].sort());
    }
  };

  for (const shift of [hour, -hour, 20 * hour]) {
    test(`by ${shift / hour} h and back neither hurries nor delays what is under way`, async () => {
      const wallMs = Date.now();
      const { hands, clock, pass } = handClock(wallMs);
      const simulator = await startSimulator({ profile: "typical", speed: 1, clock });
      await simulator.submit(submit(many(contacts), validUntil(wallMs)));
      let passedMs = 0;
      for (const [at, moment] of moments.entries()) {
        hands.wallMs += at === 2 ? -shift : at === 0 ? shift : 0;
        pass(moment.atMs - passedMs);
        passedMs = moment.atMs;
        await expect.poll(() => sent(simulator), { timeout: 10_000 }).toBe(moment.sent);
      }
      pass(24 * hour);
      await receiver.until(isAllAnswered(simulator));
      expectStampsInOrder();
    });

    test(`by ${shift / hour} h while messages are taken, and back at the next start, neither hurries nor delays them`, async () => {
      const wallMs = Date.now();
      const wrong = handClock(wallMs + shift);
      const before = await startSimulator({ profile: "typical", speed: 1, clock: wrong.clock });
      await before.submit(submit(many(contacts), validUntil(wallMs)));
      const right = handClock(wallMs);
      const after = await killAndRestart({ profile: "typical", speed: 1, clock: right.clock });
      let passedMs = 0;
      for (const moment of moments) {
        right.pass(moment.atMs - passedMs);
        passedMs = moment.atMs;
        await expect.poll(() => sent(after), { timeout: 10_000 }).toBe(moment.sent);
      }
      expectStampsInOrder();
    });
  }

  test("ahead while messages are taken, and back with a reboot of the machine, delays them by no more than their plans", async () => {
    const wallMs = Date.now();
    const wrong = handClock(wallMs + hour);
    const before = await startSimulator({ profile: "typical", speed: 1, clock: wrong.clock });
    await before.submit(submit(many(contacts), validUntil(wallMs)));
    const right = handClock(wallMs);
    const rebooted = { ...right.clock, boot: 2, steadyMs: () => right.clock.steadyMs() - 4_000_000 };
    const after = await killAndRestart({ profile: "typical", speed: 1, clock: rebooted });
    right.pass((sentAfterMs.at(-1) as number) + 50);
    await expect.poll(() => sent(after), { timeout: 10_000 }).toBe(sentAfterMs.length);
  });
});

test("memory holds no message that has ended: its segment is read from disk when it is asked for", async () => {
  const simulator = await startSimulator();
  await simulator.submit(submit(many(1_000)));
  await receiver.until(isAllAnswered(simulator));
  await receiver.until(() => simulator.gauges().segments_in_memory === 0, 15_000);
  const repeat = await simulator.submit(submit(many(1_000)));
  expect(repeat.accepted + repeat.rejected.length).toBe(1_000);
  expect(await simulator.batch(batchId)).toMatchObject({ repeats: 1_000 });
});
