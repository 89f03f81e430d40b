// The verdicts on the messages of one body: accepted, rejected, or what was said the first time.
// Into memory and the journal's next block in one go, without waiting. Called by submit_batch.ts.
import { AppError } from "../contracts/errors.ts";
import type { CarrierErrorCode, SubmitResponse } from "../contracts/receipts.ts";
import { type JournalSubmit, journalErrorCodes, numberMark, segmentRows } from "../contracts/simulator_journal.ts";
import { errorNumbers } from "./error_numbers.ts";
import { forcedOutcomeOf } from "./forced_outcomes.ts";
import type { OpenSegment } from "./journal.ts";
import type { Network } from "./network.ts";
import { answerDelayMs, fateOf } from "./plan.ts";
import { simulatorProfiles } from "./profiles.ts";
import { type ChanceStream, chanceStream } from "./random.ts";
import { flag } from "./segment.ts";
import { bodySegmentsMax, type Submit, type SubmitMessage } from "./submit.ts";

/** A longer validity is cut: real networks keep a message for days. */
const validityMsMax = 8 * 24 * 3_600_000;

/** An accepted message whose plan has not begun. */
export interface FreshMessage {
  open: OpenSegment;
  slot: number;
  /** Its first receipt goes out before the answer to its submit. */
  isEarly: boolean;
}

export interface Verdicts {
  rejected: SubmitResponse["rejected"];
  fresh: FreshMessage[];
  /** When the submit is to be answered, by the steady clock. */
  answerAtMs: number;
}

/** Loads, or makes, segments of the batch. Each counts a use until `closeSegments`. */
export async function openSegments(
  { journal }: Network,
  batchId: string,
  segmentNos: ReadonlySet<number>,
): Promise<Map<number, OpenSegment>> {
  const opened = new Map<number, OpenSegment>();
  try {
    for (const segmentNo of segmentNos) opened.set(segmentNo, await journal.use(batchId, segmentNo));
  } catch (error) {
    closeSegments(opened);
    throw error;
  }
  return opened;
}

export function closeSegments(opened: ReadonlyMap<number, OpenSegment>): void {
  for (const { segment } of opened.values()) segment.uses -= 1;
}

/** The segments that the body's rows are in. @throws AppError request_invalid */
export function segmentsOf({ messages }: Submit): Set<number> {
  const segmentNos = new Set(messages.map(({ rowNo }) => Math.floor(rowNo / segmentRows)));
  if (segmentNos.size <= bodySegmentsMax) return segmentNos;
  throw new AppError(
    "request_invalid",
    `messages: rows too far apart; one body touches at most ${bodySegmentsMax} runs of ${segmentRows} rows`,
  );
}

export function applySubmit(network: Network, request: Submit, opened: Map<number, OpenSegment>): Verdicts {
  const { journal, weather } = network;
  const profile = simulatorProfiles[network.options.profile];
  const stream = chanceStream(network.options.seed, request.batchId);
  const submitted = termsOf(network, request, (request.messages[0] as SubmitMessage).rowNo, stream);
  const rejected: SubmitResponse["rejected"] = [];
  const fresh: FreshMessage[] = [];
  const isWithTerms = new Set<OpenSegment>();
  for (const message of request.messages) {
    const open = opened.get(Math.floor(message.rowNo / segmentRows)) as OpenSegment;
    const { segment } = open;
    let slot = segment.find(message.rowNo % segmentRows);
    if (slot !== -1) {
      repeatVerdict(network, open, slot, message);
    } else {
      if (!isWithTerms.has(open)) {
        isWithTerms.add(open);
        segment.addTerms(submitted);
        open.block.submit(submitted);
      }
      const forced = forcedOutcomeOf(message.to);
      const fate = fateOf(profile, stream, message.rowNo, forced);
      slot = firstVerdict(network, open, message, forced, fate.end === "rejected" ? fate.code : null);
      if (fate.end !== "rejected") fresh.push({ open, slot, isEarly: fate.isEarly || weather.isEarly(stream, message.rowNo) });
    }
    if (segment.is(slot, flag.rejected)) {
      rejected.push({ row_no: message.rowNo, error_code: journalErrorCodes[segment.codes[slot] as number] ?? "network_failure" });
    }
  }
  for (const open of opened.values()) journal.touch(open);
  return { rejected, fresh, answerAtMs: submitted.steadyAtMs };
}

/** What the new messages of a submit share, as the journal keeps it. `firstRow`: a row number. */
export function termsOf(
  { options, clock }: Network,
  request: { validUntilMs: number },
  firstRow: number,
  stream: ChanceStream,
): JournalSubmit {
  const receivedAtMs = clock.wallMs();
  const answerInMs = answerDelayMs(simulatorProfiles[options.profile], stream, firstRow, options.speed);
  return {
    profile: options.profile,
    seed: options.seed,
    speed: options.speed,
    atMs: receivedAtMs + answerInMs,
    steadyAtMs: clock.steadyMs() + answerInMs,
    boot: clock.boot,
    validUntilMs: Math.min(request.validUntilMs, receivedAtMs + validityMsMax),
  };
}

/** `code` null: accepted. @returns the message's slot */
export function firstVerdict(
  { counts }: Network,
  { segment, block }: OpenSegment,
  message: SubmitMessage,
  forced: number,
  code: CarrierErrorCode | null,
): number {
  const row = message.rowNo % segmentRows;
  const { parts, digestLow, digestHigh } = message;
  if (code === null) {
    counts.accepted += 1;
    block.accepted(row, parts, digestLow, digestHigh, forced, numberMark(message.to));
    return segment.add(row, parts, digestLow, digestHigh, forced, null);
  }
  counts.rejected += 1;
  const number = errorNumbers.get(code) as number;
  block.rejected(row, parts, digestLow, digestHigh, number, numberMark(message.to));
  return segment.add(row, parts, digestLow, digestHigh, forced, number);
}

function repeatVerdict({ counts }: Network, { segment, block }: OpenSegment, slot: number, message: SubmitMessage): void {
  const isSame = segment.digestsLow[slot] === message.digestLow && segment.digestsHigh[slot] === message.digestHigh;
  counts.repeats += 1;
  if (!isSame) counts.repeats_differing += 1;
  block.repeat(message.rowNo % segmentRows, isSame);
  segment.markRepeat(slot, isSame);
}
