// Sends made-up receipts, one a body and several at once. What the receiver must keep as an anomaly
// is written to the injections file (contracts/simulator_weather.ts) before it goes out: the oracle
// of law L11. Called by weather_strays.ts.
import { setMaxListeners } from "node:events";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Pool } from "undici";
import {
  type InjectedKind,
  type InjectionLine,
  injectionsFile,
  type StrayKind,
  strayKinds,
  type WeatherKind,
} from "../contracts/simulator_weather.ts";
import { backoffMs } from "../platform/time/backoff.ts";
import { sleep } from "../platform/time/sleep.ts";
import type { Weather } from "./weather.ts";

const answerMaxMs = 15_000;
/** One receipt a body: side by side they share a commit of the receiver. */
const connectionsMax = 16;
/**
 * More wait for nobody: they are made up, and a receiver that is away has enough to do when it
 * comes back.
 */
const waitingMax = 10_000;
const triesMax = 20;
const retryBackoff = { firstMs: 200, maxMs: 2_000 };

/** What was sent beside the true receipts, and how it was answered, since the process started. */
export type StrayCounts = Record<StrayKind, number> & {
  /** Forged or broken, and answered 2xx all the same: never by a receiver that checks. */
  wrongly_taken: number;
  /** Not sent, because too many waited or the receiver was away for too long. */
  dropped: number;
  /** Still to be sent, or to be answered. */
  waiting: number;
};

export interface StraySenderOptions {
  folder: string;
  weather: Weather;
  url: string;
  /** The injections file cannot be written. */
  onFatal(error: unknown): void;
}

export interface Stray {
  kind: StrayKind;
  id: string;
  text: string;
  headers: Record<string, string>;
  isInjected: boolean;
}

export interface StraySender {
  /** Queues it; drops it when too many wait. */
  send(stray: Stray): void;
  counts(): StrayCounts;
  stop(): Promise<void>;
}

export function openStraySender({ folder, weather, url, onFatal }: StraySenderOptions): StraySender {
  const { pathname, search, origin } = new URL(url);
  const pool = new Pool(origin, { connections: connectionsMax, headersTimeout: answerMaxMs, bodyTimeout: answerMaxMs });
  const counts = Object.fromEntries([...strayKinds, "wrongly_taken", "dropped", "waiting"].map((kind) => [kind, 0])) as StrayCounts;
  const queue: Stray[] = [];
  const sending = new Set<Promise<void>>();
  let file: Promise<FileHandle> | null = null;
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // one for each that sleeps until then

  async function record(line: InjectionLine): Promise<void> {
    file ??= openLines(join(folder, injectionsFile));
    await (await file).appendFile(`${JSON.stringify(line)}\n`);
  }

  function send(stray: Stray): void {
    if (stopping.signal.aborted) return;
    if (queue.length >= waitingMax) {
      counts.dropped += 1;
      return;
    }
    queue.push(stray);
    if (sending.size >= connectionsMax) return;
    // a file that cannot be written ends the process, as the journal does: what it made up must not
    // be forgotten
    const lane = sendAll()
      .catch(onFatal)
      .finally(() => sending.delete(lane));
    sending.add(lane);
  }

  async function sendAll(): Promise<void> {
    for (let stray = queue.shift(); stray !== undefined && !stopping.signal.aborted; stray = queue.shift()) await sendOne(stray);
  }

  async function sendOne(stray: Stray): Promise<void> {
    if (stray.isInjected) await record({ injected: stray.id, kind: stray.kind as InjectedKind });
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      const status = await post(stray);
      const isTaken = status >= 200 && status < 300;
      if (isTaken || (status >= 400 && status < 500 && status !== 429)) {
        counts[stray.kind] += 1;
        weather.counts[weatherOf(stray.kind)] += 1;
        if (isTaken && stray.isInjected) await record({ answered: stray.id });
        if (isTaken && (stray.kind === "forged" || stray.kind === "broken_json")) {
          counts.wrongly_taken += 1;
          await record({ taken: stray.id, kind: stray.kind });
        }
        return;
      }
      if (attempt >= triesMax) break;
      await sleep(backoffMs(retryBackoff, attempt), stopping.signal);
    }
    counts.dropped += 1;
  }

  /** The status; 0: no answer. */
  async function post({ headers, text }: Stray): Promise<number> {
    try {
      const answer = await pool.request({
        method: "POST",
        path: pathname + search,
        headers: { ...headers, "content-type": "application/json" },
        body: text,
      });
      await answer.body.dump();
      return answer.statusCode;
    } catch {
      return 0;
    }
  }

  return {
    send,
    counts: () => ({ ...counts, waiting: queue.length + sending.size }),
    async stop() {
      stopping.abort();
      await Promise.all(sending);
      await pool.destroy();
      await (await file)?.close();
    },
  };
}

/** Counted when it has come to somebody. */
const weatherOf = (kind: StrayKind): WeatherKind => (kind === "forged" || kind === "replayed" ? kind : "malformed");

/** For appending; a line that a crash cut is ended first, so that it spoils no other. */
async function openLines(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "a+");
  const { size } = await file.stat();
  const last = Buffer.alloc(1);
  if (size > 0) await file.read(last, 0, 1, size - 1);
  if (size > 0 && last[0] !== 0x0a) await file.appendFile("\n");
  return file;
}
