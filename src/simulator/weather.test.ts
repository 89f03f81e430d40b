import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ReceiptsReceiver, startReceiptsReceiver } from "../../testing/receipts_receiver.ts";
import { injectionsFile, parseInjections, type SimulatorWeather, simulatorWeather } from "../contracts/simulator_weather.ts";
import { createSimulator, type Simulator } from "./simulator.ts";

const batchId = "0192f0c1-2345-7abc-8def-0123456789ab";
const messagesCount = 200;
const horizonMs = 200;

let folder: string;
let receiver: ReceiptsReceiver;
let simulator: Simulator;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bulksms-weather-"));
  receiver = await startReceiptsReceiver();
});
afterEach(async () => {
  await simulator.stop();
  await receiver.close();
  await rm(folder, { recursive: true, force: true });
});

async function startSimulator(name = "first"): Promise<Simulator> {
  simulator = createSimulator({
    folder: join(folder, name),
    seed: 7,
    profile: "answered",
    speed: Number.POSITIVE_INFINITY,
    partsPerSecond: 0,
    receiptHorizonMs: horizonMs,
    receiptsUrl: receiver.url,
    receiptSecret: receiver.secret,
    receiptsPerBody: 20,
    callbackConcurrency: 2,
    callbackPipelining: 1,
    onFatal: (error) => {
      throw error;
    },
  });
  await simulator.start();
  return simulator;
}

/** Numbers of a block that no operator assigns: all are delivered, as the last two digits say. */
const submit = (validForMs = 60_000) =>
  simulator.submit({
    batch_id: batchId,
    sender: "Oulu",
    text: "Hello",
    valid_until: new Date(Date.now() + validForMs).toISOString(),
    messages: Array.from({ length: messagesCount }, (_, at) => ({ row_no: at + 1, to: "+46701740610", parts: 1 })),
  });
const meet = (weather: Parameters<typeof simulatorWeather.parse>[0]) => simulator.setWeather(simulatorWeather.parse(weather));
const isQuiet = () => simulator.gauges().unfinished === 0 && simulator.gauges().receipts_pending === 0 && simulator.gauges().steps === 0;
/** Receipts of true messages answered 2xx, by `row.receipt number`. */
const emittedOf = (): Map<string, number> => {
  const told = new Map<string, number>();
  for (const { id } of receiver.answered()) if (/\.\d$/.test(id)) told.set(id, (told.get(id) ?? 0) + 1);
  return told;
};
const injections = async () => parseInjections(await readFile(join(folder, "first", injectionsFile), "utf8"));

test("clear weather changes nothing, and is written nowhere", async () => {
  await startSimulator();
  await submit();
  await receiver.until(isQuiet);
  expect([...emittedOf().values()]).toEqual(Array(messagesCount * 3).fill(1));
  expect(simulator.weather()).toMatchObject({ weather: {}, happened: { doubled: 0, lost: 0, forged: 0 } });
});

test("doubled: each receipt comes five times, with the same id", async () => {
  await startSimulator();
  await meet({ doubled: { share: 1, times: 5 } });
  await submit();
  await receiver.until(() => isQuiet() && receiver.answered().length === messagesCount * 15);
  expect(new Set(emittedOf().values())).toEqual(new Set([5]));
  expect(simulator.weather().happened.doubled).toBe(messagesCount * 3);
});

test("lost: a share is never told, not even by the next process, and the simulator has nothing left to do", async () => {
  await startSimulator();
  await meet({ lost: { share: 0.3 } });
  await submit();
  await receiver.until(isQuiet);
  const told = emittedOf().size;
  const lost = simulator.weather().happened.lost;
  expect([told + lost, lost > 100, lost < 260]).toEqual([messagesCount * 3, true, true]);
  await meet({});
  await simulator.stop();
  await startSimulator();
  expect(simulator.gauges().unfinished).toBe(0);
  expect(emittedOf().size).toBe(told);
});

test("the same campaign loses the same receipts", async () => {
  const told: string[][] = [];
  for (const name of ["first", "second"]) {
    await startSimulator(name);
    await meet({ lost: { share: 0.5 } });
    receiver.bodies.length = 0;
    await submit();
    await receiver.until(isQuiet);
    told.push([...emittedOf().keys()].sort());
    if (name === "first") await simulator.stop();
  }
  expect(told[0]).toEqual(told[1]);
});

test("reordered: later receipts overtake, and all arrive once", async () => {
  await startSimulator();
  await meet({ reordered: { share: 0.5, within_ms: 300 } });
  await submit();
  await receiver.until(isQuiet);
  const order = receiver.answered().map(({ id }) => id.split(".").slice(1).map(Number) as [number, number]);
  const hasOvertaken = order.some(([row, no], at) => order.slice(at).some(([otherRow, otherNo]) => otherRow === row && otherNo < no));
  expect(hasOvertaken).toBe(true);
  expect(order.length).toBe(messagesCount * 3);
});

test("late: receipts come only after the deadline and the horizon, and a killed simulator still tells them", async () => {
  await startSimulator();
  await meet({ late: { share: 1, after_ms: 300 } });
  const closesAtMs = Date.now() + 500 + horizonMs;
  await submit(500);
  await receiver.until(() => simulator.weather().happened.late === messagesCount * 3);
  await submit(500); // a repeat changes nothing, and is answered when all before it is on disk
  await cp(join(folder, "first"), join(folder, "killed"), { recursive: true });
  await simulator.stop();
  expect(receiver.answered()).toEqual([]);
  await startSimulator("killed");
  await receiver.until(isQuiet);
  expect(emittedOf().size).toBe(messagesCount * 3);
  expect(Date.now()).toBeGreaterThan(closesAtMs + 300);
});

test("early: first receipts are answered before their submit is", async () => {
  await startSimulator();
  await meet({ early: { share: 0.2 } });
  await submit();
  expect(simulator.weather().happened.early).toBeGreaterThan(10);
  // the submit's answer waits for them, but not forever
  expect(receiver.answered().some(({ status }) => status === "queued")).toBe(true);
  await receiver.until(isQuiet);
});

test("forged: a good receiver refuses every one, and none is written down as an anomaly to come", async () => {
  await startSimulator();
  await meet({ forged: { share: 0.2 } });
  await submit();
  await receiver.until(() => isQuiet() && receiver.bodies.some(({ isSignatureValid }) => !isSignatureValid));
  await receiver.until(() => simulator.weather().strays.forged > 50);
  expect(receiver.answered().filter(({ id }) => id.endsWith("forged"))).toEqual([]);
  expect(simulator.weather().strays.wrongly_taken).toBe(0);
  await simulator.stop();
  await expect(injections()).rejects.toThrow("ENOENT");
});

test("forged: a receiver that believes them is written down", async () => {
  await startSimulator();
  receiver.answersAll();
  await meet({ forged: { share: 0.2 } });
  await submit();
  await receiver.until(() => simulator.weather().strays.wrongly_taken > 50);
  await simulator.stop();
  expect((await injections()).taken.length).toBe(simulator.weather().strays.wrongly_taken);
});

test("malformed: each kind comes, and what must become an anomaly is written down before it goes out", async () => {
  await startSimulator();
  await meet({ malformed: { share: 0.5 } });
  await submit();
  await receiver.until(() => isQuiet() && simulator.weather().strays.contradiction > 0);
  await simulator.stop();
  const { strays } = simulator.weather();
  for (const kind of ["unknown_status", "unknown_reference", "malformed", "broken_json", "contradiction"] as const) {
    expect([kind, strays[kind] > 0]).toEqual([kind, true]);
  }
  const { kinds, answered } = await injections();
  const received = receiver.answered().filter(({ id }) => !/\.\d$/.test(id));
  expect(received.filter(({ id }) => !kinds.has(id))).toEqual([]);
  expect([...answered].filter((id) => !kinds.has(id))).toEqual([]);
  expect(strays.wrongly_taken).toBe(0);
});

test("replayed: old bodies come again under their old signature", async () => {
  await startSimulator();
  await meet({ replayed: { share: 0.5 } });
  await submit();
  await receiver.until(() => isQuiet() && simulator.weather().strays.replayed > 5);
  const seen = receiver.bodies.map(({ headers }) => headers["webhook-signature"]);
  expect(seen.length - new Set(seen).size).toBeGreaterThan(5);
});

test("burst: nothing comes while it gathers, then all of it", async () => {
  await startSimulator();
  await meet({ burst: { hold_ms: 600_000, factor: 10 } });
  await submit();
  await receiver.until(() => simulator.gauges().receipts_pending === messagesCount * 3);
  expect(receiver.bodies).toEqual([]);
  await meet({ burst: { hold_ms: 20, factor: 1 } });
  await receiver.until(isQuiet);
  expect(emittedOf().size).toBe(messagesCount * 3);
});

test("the weather outlives a kill", async () => {
  await startSimulator();
  const weather: SimulatorWeather = { lost: { share: 0.25 }, burst: { hold_ms: 100, factor: 10 } };
  await meet(weather);
  await cp(join(folder, "first"), join(folder, "killed"), { recursive: true });
  await simulator.stop();
  await startSimulator("killed");
  expect(simulator.weather().weather).toEqual(weather);
});
