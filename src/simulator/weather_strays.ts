// Receipts that the weather makes up beside true ones: forged, malformed, contradicting, and old
// bodies sent again. What the receiver must keep as an anomaly is written to the injections file
// before it goes out (weather_stray_sender.ts).
import { setMaxListeners } from "node:events";
import { rowNoMax } from "../contracts/receipts.ts";
import { injectedKinds, type StrayKind } from "../contracts/simulator_weather.ts";
import type { ReceiptStatus } from "../contracts/states.ts";
import { sleep } from "../platform/time/sleep.ts";
import { signWebhook } from "../protocols/standard_webhooks/webhook_signature.ts";
import { mixed } from "./random.ts";
import type { WeatheredReceipt } from "./weather.ts";
import { openStraySender, type StrayCounts, type StraySenderOptions } from "./weather_stray_sender.ts";

/** Bodies that may come again; and how long after the first time at most. */
const bodiesKept = 256;
const replayWithinMs = 3_000;
/** Far beyond the tolerance of a signature, even where a clock is wrong by an hour. */
const oldSignatureMs = 10 * 24 * 3_600_000;

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

export interface StraysOptions extends StraySenderOptions {
  secret: string;
  nowMs(): number;
}

export function openStrays(options: StraysOptions): Strays {
  const { weather } = options;
  const sender = openStraySender(options);
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // one for each that sleeps until then
  let replaysWaiting = 0;
  let bodiesTaken = 0;

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
    sender.send({ kind: "forged", id, text, headers, isInjected: false });
  }

  function malform(beside: TrueReceipt): void {
    const kind = malformedKindOf(beside);
    const id = `${referenceOf(beside)}.${beside.receiptNo}.${kind}`;
    const text = malformedText(kind, id, beside, timeText());
    const isInjected = (injectedKinds as readonly StrayKind[]).includes(kind);
    sender.send({ kind, id, text, headers: sign(id, text), isInjected });
  }

  return {
    counts: () => {
      const counts = sender.counts();
      return { ...counts, waiting: counts.waiting + replaysWaiting };
    },
    onReceiptTaken(receipt, beside) {
      if (weather.hasStray("forged", receipt)) forge(beside);
      if (weather.hasStray("malformed", receipt)) malform(beside);
    },
    onBodyTaken(headers, text) {
      const share = weather.read().replayed?.share ?? 0;
      bodiesTaken += 1;
      // evenly: each time the share comes to another whole one
      const isDue = Math.floor(bodiesTaken * share) > Math.floor((bodiesTaken - 1) * share);
      if (!isDue || replaysWaiting >= bodiesKept || stopping.signal.aborted) return;
      replaysWaiting += 1;
      const inMs = ((mixed(bodiesTaken) >>> 0) / 0x1_0000_0000) * replayWithinMs;
      void sleep(inMs, stopping.signal).then(() => {
        replaysWaiting -= 1;
        sender.send({ kind: "replayed", id: headers["webhook-id"] ?? "", text, headers, isInjected: false });
      });
    },
    async stop() {
      stopping.abort();
      await sender.stop();
    },
  };
}

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
