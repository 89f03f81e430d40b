// The network as a dialect of another carrier sees it: a message of an account goes in and is
// judged, journaled before its answer; its receipts go to the dialect; what was taken can be read
// and changed. Used by dialects/.

import { AppError } from "../contracts/errors.ts";
import { type CarrierErrorCode, rowNoMax } from "../contracts/receipts.ts";
import type { AccountMessage, AccountProtocol, SimulatorAccount } from "../contracts/simulator_accounts.ts";
import { type JournalEnd, journalEnds, journalErrorCodes, receiptStatusOf, segmentRows } from "../contracts/simulator_journal.ts";
import { earlyHoldMs } from "../contracts/simulator_weather.ts";
import type { ReceiptStatus } from "../contracts/states.ts";
import { sleep } from "../platform/time/sleep.ts";
import { waitUntil } from "../platform/time/wait_until.ts";
import { type AccountWeathers, type AnswerWeather, createAccountWeathers } from "./account_weather.ts";
import type { Account, AccountReceipts } from "./accounts.ts";
import { forcedOutcomeOf } from "./forced_outcomes.ts";
import type { OpenSegment } from "./journal.ts";
import { runSteps, scheduleStep, steps } from "./message_steps.ts";
import type { Network } from "./network.ts";
import { fateOf } from "./plan.ts";
import { simulatorProfiles } from "./profiles.ts";
import { type ChanceStream, chanceStream } from "./random.ts";
import { receiptDone, receiptRefused } from "./receipts_out.ts";
import { flag, type Segment } from "./segment.ts";
import { digestOf } from "./submit.ts";
import { commitVerdicts, requireOpen, requireRoom } from "./submit_batch.ts";
import { firstVerdict, termsOf } from "./submit_verdicts.ts";
import type { Turns } from "./turns.ts";

const earlyPollMs = 2;

export interface AccountSubmit {
  /** Its message parts: 1, or those of a text that came whole. */
  parts: number;
  validUntilMs: number;
  details: AccountMessage;
}

export interface AccountVerdict {
  account: SimulatorAccount;
  rowNo: number;
  /** null: accepted. */
  rejectedCode: CarrierErrorCode | null;
  /** What the weather does to the answer; its delay is over. */
  answer: AnswerWeather["kind"];
}

/** A message of an account, as the journal knows it now. */
export interface AccountMessageView {
  account: SimulatorAccount;
  rowNo: number;
  details: AccountMessage;
  parts: number;
  acceptedAtMs: number;
  validUntilMs: number;
  sentAtMs: number | null;
  endedAtMs: number | null;
  end: JournalEnd;
  errorCode: CarrierErrorCode | null;
  isQueuedTold: boolean;
}

/** A receipt on its way to the client. */
export interface AccountReceipt {
  message: AccountMessageView;
  receiptNo: number;
  status: ReceiptStatus;
}

export interface AccountNetwork {
  register(protocol: AccountProtocol, receipts: AccountReceipts): void;
  /**
   * Resolves when the answer is due, its verdict on disk.
   * @throws AppError draining, overloaded: without effect
   */
  submit(name: string, message: AccountSubmit): Promise<AccountVerdict>;
  /** Whether the weather refuses the account's next submit for its rate. */
  isThrottled(name: string): boolean;
  /** Whether a receipt is to go to another bind than its message's. */
  isWrongBind(receipt: AccountReceipt): boolean;
  weather: AccountWeathers;
  find(name: string): SimulatorAccount | undefined;
  /** null: no such row, rejected, or without details. */
  message(account: SimulatorAccount, rowNo: number): Promise<AccountMessageView | null>;
  /**
   * Calls `visit` for the account's accepted messages, the newest first, until it answers false.
   * @param fromRow only this row and older ones
   * @param hint only those whose details as JSON contain this text
   */
  newest(
    account: SimulatorAccount,
    options: { fromRow?: number; hint?: string },
    visit: (message: AccountMessageView) => boolean,
  ): Promise<void>;
  /** Replaces the details; on disk when it resolves. */
  change(account: SimulatorAccount, rowNo: number, details: AccountMessage): Promise<void>;
  receipt(owner: number, what: number): AccountReceipt;
  done(owner: number, what: number, isDelivered: boolean): void;
  refused(owner: number, what: number): void;
  nowMs(): number;
}

export function createAccountNetwork(network: Network, turns: Turns): AccountNetwork {
  const { accounts, journal, clock } = network;
  const weather = createAccountWeathers(() => network.weather.read().accounts);
  const streams = new Map<string, ChanceStream>();
  /** Submits that the weather might have throttled, by account. */
  const throttleNos = new Map<string, number>();
  const streamOf = (batchId: string): ChanceStream => {
    let stream = streams.get(batchId);
    if (stream === undefined) {
      stream = chanceStream(network.options.seed, batchId);
      streams.set(batchId, stream);
    }
    return stream;
  };
  const lastRow = (batchId: string): Promise<number> => lastRowOf(network, batchId);

  return {
    register: (protocol, receipts) => accounts.register(protocol, receipts),
    weather,
    async submit(name, message) {
      requireOpen(network);
      requireRoom(network);
      const account = await accounts.take(name, lastRow);
      return submitOne(network, turns, { account, stream: streamOf(account.batchId), weather }, message);
    },
    isThrottled(name) {
      if (weather.of(name).throttled === undefined) return false;
      const no = throttleNos.get(name) ?? 0;
      throttleNos.set(name, no + 1);
      return weather.isDrawn(name, "throttled", streamOf(accounts.find(name)?.batchId ?? noBatch), no);
    },
    isWrongBind: ({ message, receiptNo }) =>
      weather.isDrawn(message.account.name, "wrong_bind", streamOf(message.account.batchId), message.rowNo * 4 + receiptNo),
    find: (name) => accounts.find(name),
    async message(account, rowNo) {
      const open = await journal.takeKnown(account.batchId, Math.floor(rowNo / segmentRows));
      if (open === null) return null;
      const slot = open.segment.find(rowNo % segmentRows);
      const view = slot === -1 ? null : viewOf(account, open.segment, slot);
      open.segment.uses -= 1;
      return view;
    },
    newest: (account, options, visit) => visitNewest(network, account, options, visit),
    async change(account, rowNo, details) {
      const open = await journal.takeKnown(account.batchId, Math.floor(rowNo / segmentRows));
      const slot = open?.segment.find(rowNo % segmentRows) ?? -1;
      if (open === null || slot === -1) throw new AppError("message_not_found", "The simulator has never had this message.");
      const json = JSON.stringify(details);
      open.segment.details[slot] = json;
      open.block.details(rowNo % segmentRows, json);
      journal.touch(open);
      open.segment.uses -= 1;
      await journal.commit();
    },
    receipt: (owner, what) => receiptOf(network, owner, what),
    done: (owner, what, isDelivered) => receiptDone(network, owner, what, isDelivered),
    refused: (owner, what) => receiptRefused(network, owner, what),
    nowMs: clock.wallMs,
  };
}

interface AccountTerms {
  account: Account;
  stream: ChanceStream;
  weather: AccountWeathers;
}

async function submitOne(network: Network, turns: Turns, terms: AccountTerms, message: AccountSubmit): Promise<AccountVerdict> {
  const { account, stream, weather } = terms;
  const { journal, clock } = network;
  const rowNo = account.nextRow++;
  if (rowNo > rowNoMax) throw new AppError("overloaded", "The account has no rows left.");
  const open = await journal.use(account.batchId, Math.floor(rowNo / segmentRows));
  try {
    const { slot, rejectedCode, isEarly, answerAtMs } = judge(network, open, terms, rowNo, message);
    await commitVerdicts(network);
    if (isEarly) {
      runSteps(network, open, slot, steps.queue, clock.steadyMs());
      turns.begin();
      await waitUntil(() => open.segment.isFinished(slot) || network.isDraining, earlyHoldMs, earlyPollMs);
    }
    const answer = weather.answerOf(account.name, stream, rowNo);
    const answerInMs = answerAtMs - clock.steadyMs() + answer.laterMs;
    if (rejectedCode === null && !isEarly) scheduleStep(network, open.segment, slot, steps.queue, clock.steadyMs());
    if (answerInMs > 0) await sleep(answerInMs);
    else turns.begin();
    return { account, rowNo, rejectedCode, answer: answer.kind };
  } finally {
    open.segment.uses -= 1;
  }
}

/** The verdict, into memory and the journal's next block, without waiting. */
function judge(network: Network, open: OpenSegment, { account, stream, weather }: AccountTerms, rowNo: number, message: AccountSubmit) {
  const { details, parts } = message;
  const { segment, block } = open;
  const row = rowNo % segmentRows;
  const submitted = termsOf(network, message, rowNo, stream);
  segment.addTerms(submitted);
  block.submit(submitted);
  const forced = forcedOutcomeOf(details.to);
  const fate = fateOf(simulatorProfiles[network.options.profile], stream, rowNo, forced);
  const rejectedCode = fate.end === "rejected" ? fate.code : null;
  const digest = digestOf(
    `${details.from}\n${details.to}\n${details.part?.number ?? 1}/${details.part?.total ?? 1}\n${details.text}`,
    0x13198a2e,
    0x03707344,
  );
  const slot = firstVerdict(
    network,
    open,
    { rowNo, to: details.to, parts, digestLow: digest.low, digestHigh: digest.high },
    forced,
    rejectedCode,
  );
  const json = JSON.stringify(details);
  segment.details[slot] = json;
  block.details(row, json);
  network.journal.touch(open);
  // early receipts by chance are for clients that expect them: here only where they are asked for
  const isEarly = rejectedCode === null && (weather.isDrawn(account.name, "early", stream, rowNo) || (forced !== 0 && fate.isEarly));
  return { slot, rejectedCode, isEarly, answerAtMs: submitted.steadyAtMs };
}

const noBatch = "00000000-0000-0000-0000-000000000000";

async function lastRowOf({ journal }: Network, batchId: string): Promise<number> {
  const segmentNo = (await journal.segmentNos(batchId)).at(-1);
  if (segmentNo === undefined) return 0;
  const open = await journal.takeKnown(batchId, segmentNo);
  if (open === null) return 0;
  const { segment } = open;
  // a segment whose first block was torn has no rows; the one before it is full
  let last = segmentNo * segmentRows - 1;
  for (let slot = 0; slot < segment.slots; slot++) last = Math.max(last, segment.rowNo(slot));
  segment.uses -= 1;
  return Math.max(0, last);
}

async function visitNewest(
  { journal }: Network,
  account: SimulatorAccount,
  { fromRow = rowNoMax, hint = "" }: { fromRow?: number; hint?: string },
  visit: (message: AccountMessageView) => boolean,
): Promise<void> {
  const segmentNos = (await journal.segmentNos(account.batchId)).filter((segmentNo) => segmentNo * segmentRows <= fromRow);
  for (const segmentNo of segmentNos.reverse()) {
    const open = await journal.takeKnown(account.batchId, segmentNo);
    if (open === null) continue;
    const { segment } = open;
    try {
      // rows are given in order, and committed in nearly the same one
      const slots = Array.from({ length: segment.slots }, (_, slot) => slot).sort((a, b) => segment.rowNo(b) - segment.rowNo(a));
      for (const slot of slots) {
        if (segment.rowNo(slot) > fromRow || !(segment.details[slot] ?? "").includes(hint)) continue;
        const message = viewOf(account, segment, slot);
        if (message !== null && !visit(message)) return;
      }
    } finally {
      segment.uses -= 1;
    }
  }
}

/** null: rejected, so the client knows of no message. */
function viewOf(account: SimulatorAccount, segment: Segment, slot: number): AccountMessageView | null {
  const json = segment.details[slot];
  if (json === undefined || segment.is(slot, flag.rejected)) return null;
  const { atMs, validUntilMs } = segment.submitOf(slot);
  const end = journalEnds[segment.ends[slot] as number] ?? null;
  return {
    account,
    rowNo: segment.rowNo(slot),
    details: JSON.parse(json) as AccountMessage,
    parts: segment.parts[slot] as number,
    acceptedAtMs: atMs,
    validUntilMs,
    sentAtMs: segment.is(slot, flag.sent) ? atMs + (segment.sentDeltas[slot] as number) : null,
    endedAtMs: end === null ? null : atMs + (segment.endedDeltas[slot] as number),
    end,
    errorCode: end === null ? null : (journalErrorCodes[segment.codes[slot] as number] ?? null),
    isQueuedTold: segment.isAnswered(slot, 1),
  };
}

function receiptOf({ journal, accounts }: Network, owner: number, what: number): AccountReceipt {
  const { segment } = journal.byHandle(owner);
  const slot = what >>> 2;
  const account = accounts.ofBatch(segment.batchId);
  const message = account === undefined ? null : viewOf(account, segment, slot);
  const receiptNo = what & 3;
  const status = message === null ? null : receiptStatusOf(receiptNo, message.sentAtMs !== null, message.end);
  if (message === null || status === null) throw new Error(`receipt ${receiptNo} of a message that has none`);
  return { message, receiptNo, status };
}
