// Receipt weather (contracts/simulator_weather.ts): which receipts are lost, late, reordered or
// duplicated, and the burst that holds them back. Draws by the message, not by the moment. Called
// by simulator.ts; what is made up beside true receipts is in weather_strays.ts.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  copyWithinMs,
  type SimulatorWeather,
  simulatorWeather,
  type WeatherKind,
  weatherFile,
  weatherKinds,
} from "../contracts/simulator_weather.ts";
import { createPairQueue, type Pairs } from "../webhooks/pair_queue.ts";
import { tickMs } from "./event_wheel.ts";
import { type ChanceStream, draw } from "./random.ts";

/** Most copies beside the receipt itself: `times` is at most 5. */
const copiesMax = 4;

/**
 * Draws of the weather, far from those of plan.ts; each takes four numbers, one a receipt number.
 */
const purposes = { lost: 64, late: 68, reordered: 72, reorderedMs: 76, doubled: 80, early: 84, forged: 88, malformed: 92 } as const;
const copyPurpose = 128;

export type WeatherCounts = Record<WeatherKind, number>;

/** A receipt of a message, with what its draws and delays need. */
export interface WeatheredReceipt {
  stream: ChanceStream;
  rowNo: number;
  receiptNo: number;
  /** From then on nobody waits for it: its deadline and the receipt horizon. */
  closesAtMs: number;
}

export interface Weather {
  read(): SimulatorWeather;
  /** On disk, then in force. Receipts that a burst held back come out with the next turn. */
  set(next: SimulatorWeather): Promise<void>;
  /** How often each kind happened since the process started. */
  counts: WeatherCounts;
  isClear(): boolean;
  isEarly(stream: ChanceStream, rowNo: number): boolean;
  /** When to tell the receipt and its copies, beginning now; empty: it is lost. */
  timesOf(receipt: WeatheredReceipt, nowMs: number): number[];
  /** Whether a made-up receipt comes beside this one. */
  hasStray(kind: "forged" | "malformed", receipt: WeatheredReceipt): boolean;
  /** Receipts on their way out; held back while a burst gathers. */
  hold(owner: number, what: number): void;
  /** Those that are let out now. */
  letOut(nowMs: number): Pairs;
  held(): number;
}

/** Takes up the weather that the folder has: a simulator that was killed comes back into it. */
export async function openWeather(folder: string): Promise<Weather> {
  const path = join(folder, weatherFile);
  const counts = Object.fromEntries(weatherKinds.map((kind) => [kind, 0])) as WeatherCounts;
  const held = createPairQueue();
  let weather = await readWeather(path);
  let isClear = isClearForReceipts(weather);
  const isDrawn = (
    kind: "lost" | "late" | "reordered" | "doubled" | "forged" | "malformed",
    { stream, rowNo, receiptNo }: WeatheredReceipt,
  ) => draw(stream, rowNo, purposes[kind] + receiptNo) < (weather[kind]?.share ?? 0);

  return {
    read: () => weather,
    async set(next) {
      await writeWeather(path, next);
      weather = next;
      isClear = isClearForReceipts(next);
    },
    counts,
    isClear: () => isClear,
    isEarly(stream, rowNo) {
      const isEarly = draw(stream, rowNo, purposes.early) < (weather.early?.share ?? 0);
      if (isEarly) counts.early += 1;
      return isEarly;
    },
    timesOf(receipt, nowMs) {
      const { stream, rowNo, receiptNo } = receipt;
      if (isDrawn("lost", receipt)) {
        counts.lost += 1;
        return [];
      }
      let atMs = nowMs;
      if (weather.late !== undefined && isDrawn("late", receipt)) {
        counts.late += 1;
        atMs = Math.max(nowMs, receipt.closesAtMs + weather.late.after_ms);
      } else if (weather.reordered !== undefined && isDrawn("reordered", receipt)) {
        counts.reordered += 1;
        atMs = nowMs + weather.reordered.within_ms * draw(stream, rowNo, purposes.reorderedMs + receiptNo);
      }
      const times = [atMs];
      if (weather.doubled !== undefined && isDrawn("doubled", receipt)) {
        counts.doubled += 1;
        for (let copy = 1; copy < weather.doubled.times; copy++) {
          times.push(atMs + copyWithinMs * draw(stream, rowNo, copyPurpose + receiptNo * copiesMax + copy));
        }
      }
      return times;
    },
    hasStray: isDrawn,
    hold(owner, what) {
      if (weather.burst !== undefined) counts.burst += 1;
      held.push(owner, what);
    },
    letOut: (nowMs) => held.take(letOutCount(weather.burst, held.size(), nowMs)),
    held: () => held.size(),
  };
}

/** Weather of accounts' own protocols does nothing to receipts as such. */
const isClearForReceipts = (weather: SimulatorWeather): boolean => weatherKinds.every((kind) => weather[kind] === undefined);

/** A cycle is `hold_ms` of nothing, then 1 / factor of that in which everything goes out evenly. */
function letOutCount(burst: SimulatorWeather["burst"], size: number, nowMs: number): number {
  if (burst === undefined) return size;
  const lettingMs = burst.hold_ms / burst.factor;
  const leftMs = burst.hold_ms + lettingMs - (nowMs % (burst.hold_ms + lettingMs));
  if (leftMs > lettingMs) return 0;
  return Math.ceil(size * Math.min(1, tickMs / leftMs));
}

/**
 * Clear weather when none was ever set. @throws when the file is not of this form: somebody else
 * wrote it
 */
async function readWeather(path: string): Promise<SimulatorWeather> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "{}";
    throw error;
  });
  return simulatorWeather.parse(JSON.parse(text));
}

/** Renamed into place, so that a kill leaves the old one or the new one. */
async function writeWeather(path: string, weather: SimulatorWeather): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify(weather));
  await rename(`${path}.new`, path);
}
