// A receipt from the moment it is told to its 2xx: through the weather, behind the journal's
// commit, to the sender, and back into the journal.
import { journalEnds, receiptStatusOf } from "../contracts/simulator_journal.ts";
import type { Pairs } from "../webhooks/pair_queue.ts";
import { createSender, type Sender } from "../webhooks/sender.ts";
import type { Network } from "./network.ts";
import { createReceiptBody } from "./receipt_body.ts";
import { flag, type Segment } from "./segment.ts";
import type { WeatheredReceipt } from "./weather.ts";

/**
 * On the wheel, steps 5 to 7 are receipts 1 to 3 that the weather has delayed; below are steps of a
 * message.
 */
export const tellLaterStep = 4;
/**
 * 128 neighbouring rows share a lane, so that a body names a narrow range of rows, which the
 * receiver updates fastest. With one receipt per body any lane will do.
 */
const laneRowBits = { many: 7, single: 0 } as const;

export function openReceiptSender(network: Network): Sender {
  const { options } = network;
  return createSender({
    url: options.receiptsUrl,
    secret: options.receiptSecret,
    itemsPerBody: options.receiptsPerBody,
    concurrency: options.callbackConcurrency,
    pipelining: options.callbackPipelining,
    renderer: createReceiptBody(network),
    done: (owner, what, isDelivered) => receiptDone(network, owner, what, isDelivered),
    onBodyDelivered: (headers, text) => network.strays.onBodyTaken(headers, text),
    onAttempt: options.onCallback ?? (() => {}),
  });
}

/** Tells a receipt as the weather lets it: now, later, several times, never. */
export function tell(network: Network, segment: Segment, slot: number, receiptNo: number): void {
  const { weather, journal, wheel } = network;
  if (segment.isLost(slot, receiptNo)) return;
  if (weather.isClear()) {
    tellNow(network, segment, slot, receiptNo);
    return;
  }
  const now = network.clock.steadyMs();
  const times = weather.timesOf(weatheredReceipt(network, segment, slot, receiptNo), now);
  if (times.length === 0) {
    const open = journal.byHandle(segment.handle);
    segment.markLost(slot, receiptNo);
    open.block.lost(segment.rows[slot] as number, receiptNo);
    journal.touch(open);
  }
  for (const atMs of times) {
    if (atMs <= now) {
      tellNow(network, segment, slot, receiptNo);
      continue;
    }
    segment.uses += 1;
    wheel.put(atMs, segment.handle, (slot << 3) | (tellLaterStep + receiptNo));
  }
}

/** Queues a receipt; it goes out when the journal's next commit has been made. */
export function tellNow({ told, counts }: Network, segment: Segment, slot: number, receiptNo: number): void {
  segment.uses += 1;
  told.push(segment.handle, (slot << 2) | receiptNo);
  counts.receipts_emitted += 1;
}

/** The oldest `count` receipts that were told are on disk: they go out, or wait for the burst. */
export function releaseReceipts(network: Network, count: number): void {
  const { weather } = network;
  const pairs = network.told.take(count);
  if (weather.read().burst === undefined) pushOut(network, pairs);
  else for (let at = 0; at < pairs.owners.length; at++) weather.hold(pairs.owners[at] as number, pairs.whats[at] as number);
}

export function pushOut({ journal, sender, options, accounts }: Network, { owners, whats }: Pairs): void {
  const rowBits = options.receiptsPerBody === 1 ? laneRowBits.single : laneRowBits.many;
  for (let at = 0; at < owners.length; at++) {
    const owner = owners[at] as number;
    const what = whats[at] as number;
    const { segment } = journal.byHandle(owner);
    if (accounts.push(segment, owner, what)) continue;
    sender.push(owner + (segment.rowNo(what >>> 2) >>> rowBits), owner, what);
  }
  sender.flush();
  accounts.flush();
}

/**
 * A receipt that was told will not be told again: it was acknowledged, or nobody asked for it, or
 * (`isDelivered` false) it is too old.
 */
export function receiptDone(network: Network, owner: number, what: number, isDelivered: boolean): void {
  const { journal, counts, weather, accounts } = network;
  const open = journal.byHandle(owner);
  const { segment, block } = open;
  const slot = what >>> 2;
  const row = segment.rows[slot] as number;
  segment.uses -= 1;
  if (isDelivered) {
    counts.receipts_answered += 1;
    // a duplicate has its mark already
    if (segment.isAnswered(slot, what & 3)) return;
    segment.markAnswered(slot, what & 3);
    if (!weather.isClear() && accounts.ofBatch(segment.batchId) === undefined) makeUpStrays(network, segment, slot, what & 3);
    block.answered(row, what & 3);
  } else {
    counts.receipts_given_up += 1;
    if (segment.is(slot, flag.gaveUp)) return;
    segment.markGaveUp(slot);
    block.gaveUp(row);
  }
  journal.touch(open, true);
}

/**
 * The receiver of an account's client refused it: it is not told again, later ones of its message
 * are.
 */
export function receiptRefused({ journal, counts }: Network, owner: number, what: number): void {
  const open = journal.byHandle(owner);
  const { segment, block } = open;
  const slot = what >>> 2;
  segment.uses -= 1;
  counts.receipts_given_up += 1;
  if (segment.isAnswered(slot, what & 3) || segment.isLost(slot, what & 3)) return;
  segment.markLost(slot, what & 3);
  block.lost(segment.rows[slot] as number, what & 3);
  journal.touch(open, true);
}

function makeUpStrays(network: Network, segment: Segment, slot: number, receiptNo: number): void {
  const end = journalEnds[segment.ends[slot] as number] ?? null;
  const status = receiptStatusOf(receiptNo, segment.is(slot, flag.sent), end);
  if (status === null) throw new Error(`receipt ${receiptNo} of a message that has none`);
  const receipt = weatheredReceipt(network, segment, slot, receiptNo);
  const { batchId } = segment;
  network.strays.onReceiptTaken(receipt, { batchId, rowNo: receipt.rowNo, receiptNo, status, isLast: status === end });
}

function weatheredReceipt({ options, clock }: Network, segment: Segment, slot: number, receiptNo: number): WeatheredReceipt {
  const { stream, validUntilMs } = segment.submitOf(slot);
  const closesInMs = validUntilMs + options.receiptHorizonMs - clock.wallMs();
  return { stream, rowNo: segment.rowNo(slot), receiptNo, closesAtMs: clock.steadyMs() + closesInMs };
}
