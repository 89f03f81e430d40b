// Receipts that the weather makes up beside true ones: forged, malformed, contradicting, and old
// bodies sent again. What the receiver must keep as an anomaly is written to the injections file
// (contracts/simulator_weather.ts) before it goes out: the oracle of law L11.
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Pool } from "undici";
import { rowNoMax } from "../contracts/receipts.ts";
import {
  type InjectedKind,
  type InjectionLine,
  injectedKinds,
  injectionsFile,
  type StrayKind,
  strayKinds,
  type WeatherKind,
} from "../contracts/simulator_weather.ts";
import type { ReceiptStatus } from "../contracts/states.ts";
import { signWebhook } from "../protocols/standard_webhooks/webhook_signature.ts";
import { mixed } from "./random.ts";
import type { Weather, WeatheredReceipt } from "./weather.ts";

const answerMaxMs = 15_000;
/** One receipt a body: side by side they share a commit of the receiver. */
const connectionsMax = 16;
/**
 * More wait for nobody: they are made up, and a receiver that is away has enough to do when it
 * comes back.
 */
const waitingMax = 10_000;
const triesMax = 20;
const retryFirstMs = 100;
const retryMaxMs = 2_000;
/** Bodies that may come again; and how long after the first time at most. */
const bodiesKept = 256;
const replayWithinMs = 3_000;
/** Far beyond the tolerance of a signature, even where a clock is wrong by an hour. */
const oldSignatureMs = 10 * 24 * 3_600_000;

/** What was sent beside the true receipts, and how it was answered, since the process started. */
export type StrayCounts = Record<StrayKind, number> & {
  /** Forged or broken, and answered 2xx all the same: never by a receiver that checks. */
  wrongly_taken: number;
  /** Not sent, because too many waited or the receiver was away for too long. */
  dropped: number;
  /** Still to be sent, or to be answered. */
  waiting: number;
};

/** The true receipt beside which one is made up. */
export interface TrueReceipt {
  batchId: string;
  rowNo: number;
  receiptNo: number;
  status: ReceiptStatus;
  /** No receipt of the message comes after it. */
  isLast: boolean;
}

export interface Strays {
  counts(): StrayCounts;
  /** A receipt was taken just now: the receiver knows what it must not be talked out of. */
  onReceiptTaken(receipt: WeatheredReceipt, beside: TrueReceipt): void;
  /** A body was taken: it may come once more, as it was. */
  onBodyTaken(headers: Record<string, string>, text: string): void;
  stop(): Promise<void>;
}

export interface StraysOptions {
  folder: string;
  weather: Weather;
  url: string;
  secret: string;
  nowMs(): number;
  /** The injections file cannot be written. */
  onFatal(error: unknown): void;
}

interface Stray {
  kind: StrayKind;
  id: string;
  text: string;
  headers: Record<string, string>;
  isInjected: boolean;
}

export async function openStrays(options: StraysOptions): Promise<Strays> {
  const { weather } = options;
  const { pathname, search, origin } = new URL(options.url);
  const pool = new Pool(origin, { connections: connectionsMax, headersTimeout: answerMaxMs, bodyTimeout: answerMaxMs });
  const counts = Object.fromEntries([...strayKinds, "wrongly_taken", "dropped", "waiting"].map((kind) => [kind, 0])) as StrayCounts;
  const queue: Stray[] = [];
  const replays = new Set<NodeJS.Timeout>();
  const sending = new Set<Promise<void>>();
  let file: Promise<FileHandle> | null = null;
  let bodiesTaken = 0;
  let isStopping = false;

  async function record(line: InjectionLine): Promise<void> {
    file ??= openLines(join(options.folder, injectionsFile));
    await (await file).appendFile(`${JSON.stringify(line)}\n`);
  }

  function enqueue(stray: Stray): void {
    if (isStopping) return;
    if (queue.length >= waitingMax) {
      counts.dropped += 1;
      return;
    }
    queue.push(stray);
    if (sending.size >= connectionsMax) return;
    // a file that cannot be written ends the process, as the journal does: what it made up must not
    // be forgotten
    const lane = sendAll()
      .catch(options.onFatal)
      .finally(() => sending.delete(lane));
    sending.add(lane);
  }

  async function sendAll(): Promise<void> {
    for (let stray = queue.shift(); stray !== undefined && !isStopping; stray = queue.shift()) await send(stray);
  }

  async function send(stray: Stray): Promise<void> {
    if (stray.isInjected) await record({ injected: stray.id, kind: stray.kind as InjectedKind });
    for (let attempt = 1; !isStopping; attempt++) {
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
      await new Promise((resolve) => setTimeout(resolve, Math.min(retryMaxMs, retryFirstMs * 2 ** attempt)));
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

  const sign = (id: string, body: string, { secret = options.secret, atMs = options.nowMs() } = {}): Record<string, string> =>
    signWebhook({ secret, id, timestampS: Math.floor(atMs / 1_000), body });
  const timeText = () => new Date(options.nowMs()).toISOString();

  function forge(beside: TrueReceipt): void {
    const id = `${referenceOf(beside)}.${beside.receiptNo}.forged`;
    const text = JSON.stringify({ id, reference: referenceOf(beside), status: otherEnd[beside.status], at: timeText() });
    const forgeries: (() => Record<string, string>)[] = [
      () => sign(id, text, { secret: "of somebody else" }),
      () => sign(id, text.replace(/"status":"\w+"/, '"status":"queued"')),
      () => sign(id, text, { atMs: options.nowMs() - oldSignatureMs }),
      () => ({}),
    ];
    const headers = (forgeries[beside.rowNo % forgeries.length] as () => Record<string, string>)();
    enqueue({ kind: "forged", id, text, headers, isInjected: false });
  }

  function malform(beside: TrueReceipt): void {
    const kind = malformedKindOf(beside);
    const id = `${referenceOf(beside)}.${beside.receiptNo}.${kind}`;
    const text = malformedText(kind, id, beside, timeText());
    const isInjected = (injectedKinds as readonly StrayKind[]).includes(kind);
    enqueue({ kind, id, text, headers: sign(id, text), isInjected });
  }

  return {
    counts: () => ({ ...counts, waiting: queue.length + sending.size + replays.size }),
    onReceiptTaken(receipt, beside) {
      if (weather.hasStray("forged", receipt)) forge(beside);
      if (weather.hasStray("malformed", receipt)) malform(beside);
    },
    onBodyTaken(headers, text) {
      const share = weather.read().replayed?.share ?? 0;
      bodiesTaken += 1;
      // evenly: each time the share comes to another whole one
      const isDue = Math.floor(bodiesTaken * share) > Math.floor((bodiesTaken - 1) * share);
      if (!isDue || replays.size >= bodiesKept || isStopping) return;
      const timer = setTimeout(
        () => {
          replays.delete(timer);
          enqueue({ kind: "replayed", id: headers["webhook-id"] ?? "", text, headers, isInjected: false });
        },
        ((mixed(bodiesTaken) >>> 0) / 0x1_0000_0000) * replayWithinMs,
      );
      replays.add(timer);
    },
    async stop() {
      isStopping = true;
      for (const timer of replays) clearTimeout(timer);
      await Promise.all(sending);
      await pool.destroy();
      await (await file)?.close();
    },
  };
}

/** Counted when it has come to somebody. */
const weatherOf = (kind: StrayKind): WeatherKind => (kind === "forged" || kind === "replayed" ? kind : "malformed");

const referenceOf = ({ batchId, rowNo }: TrueReceipt): string => `${batchId}.${rowNo}`;

/** A claim that would move money or an end if it were believed. */
const otherEnd: Record<ReceiptStatus, ReceiptStatus> = {
  queued: "delivered",
  sent: "failed",
  failed: "delivered",
  undelivered: "delivered",
  delivered: "undelivered",
};

/** By turns of the row; a contradiction needs an end that the receiver has already taken. */
function malformedKindOf({ rowNo, receiptNo, isLast }: TrueReceipt): StrayKind {
  if (isLast) return "contradiction";
  const kinds = ["unknown_status", "unknown_reference", "malformed", "broken_json"] as const;
  return kinds[(rowNo + receiptNo) % kinds.length] as StrayKind;
}

function malformedText(kind: StrayKind, id: string, beside: TrueReceipt, at: string): string {
  const { rowNo, status } = beside;
  const receipt = { id, reference: referenceOf(beside), status, at };
  switch (kind) {
    case "unknown_status":
      return JSON.stringify({ ...receipt, status: "teleported" });
    case "unknown_reference":
      // a row that the campaign cannot have, or a campaign that nobody has
      return JSON.stringify({ ...receipt, reference: rowNo % 2 === 0 ? `${beside.batchId}.${rowNoMax}` : `${unknownBatchId}.${rowNo}` });
    case "malformed":
      return JSON.stringify({ ...receipt, status: 42 });
    case "broken_json":
      return JSON.stringify(receipt).slice(0, -5);
    default:
      return JSON.stringify({ ...receipt, status: otherEnd[status] });
  }
}

const unknownBatchId = "ffffffff-ffff-7fff-bfff-ffffffffffff";

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
