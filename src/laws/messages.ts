// The single pass over all messages that L3, L4, L7, L8, L9 and L11 share: salesdb's rows side by
// side with the simulator's journal, one segment at a time.
import type { SimulatorAccount } from "../contracts/simulator_accounts.ts";
import {
  journalEnds,
  journalErrorCodes,
  noNumberMark,
  numberMarkModulus,
  receiptStatusOf,
  segmentRows,
} from "../contracts/simulator_journal.ts";
import type { Injections } from "../contracts/simulator_weather.ts";
import { type BulksmsStatus, isCampaignIn, type MessageStatus, messageStatuses, type ReceiptStatus } from "../contracts/states.ts";
import { type JournalListing, journalBits, readSegment, type SegmentFacts } from "./journal.ts";
import { cursorRows, onlyCampaigns, type Snapshots } from "./snapshots.ts";

/**
 * One message as both sides know it. The object is reused for the next message: read it only during
 * the call.
 */
export interface MessageFacts {
  bulksmsId: string;
  rowNo: number;
  /**
   * The campaign had ended (finished or canceled) in the salesdb snapshot: nothing about it changes
   * any more.
   */
  isCampaignEnded: boolean;
  /** The row's status in salesdb; null if there is no row. */
  status: MessageStatus | null;
  isSentMarked: boolean;
  parts: number;
  errorCode: string | null;
  /** Mark of its number (contracts/simulator_journal.ts). */
  numberMark: number;
  /** Whether a chunk's intent covers the row; null if its chunk is missing. */
  isIntended: boolean | null;
  /** Statuses of the receipts about this message that are in receipt_anomaly. */
  anomalies: ReadonlySet<ReceiptStatus>;
  /** The journal as it was before salesdb was read: everything in it must show in the row. */
  before: JournalFacts;
  /** The journal after salesdb was read: everything in the row must show in it. */
  after: JournalFacts;
}

export interface JournalFacts {
  isAccepted: boolean;
  isRejected: boolean;
  isSent: boolean;
  parts: number;
  /** How it ended in the network. */
  end: (typeof journalEnds)[number];
  /** Why it was rejected, or how it ended; null if no reason was given. */
  errorCode: string | null;
  /**
   * Mark of the number that it was submitted with; noNumberMark if the journal does not have it.
   */
  numberMark: number;
  /** Receipts that were answered 2xx. */
  answered: readonly ReceiptStatus[];
  verdicts: number;
  repeats: number;
  hasDifferentRepeat: boolean;
  lacksVerdict: boolean;
}

/** The name of a message, for people. */
export function nameMessage(message: MessageFacts): string {
  return `bulksms_info ${message.bulksmsId}.${message.rowNo}`;
}

/** The carrier's folder before and after the snapshots of the databases. */
export interface JournalSnapshots {
  folder: string;
  before: JournalListing;
  after: JournalListing;
  /** Batches that are no campaign: an account's messages in another dialect. */
  accounts: readonly SimulatorAccount[];
  /** What its weather made up. */
  injections: { before: Injections; after: Injections };
}

/**
 * Calls `visit` for each message of the scope that was ever due to be submitted, or that the
 * journal knows.
 */
export async function visitMessages(
  snapshots: Snapshots,
  journal: JournalSnapshots,
  visit: (message: MessageFacts) => void,
): Promise<void> {
  const { salesdb: sql, scope } = snapshots;
  const unseen = new Set(journal.before.keys());
  for (const { batchId } of journal.accounts) unseen.delete(batchId);
  // lists only campaign ids: their rows are read in between, on the same connection, so no cursor
  // may stay open
  let last = "00000000-0000-0000-0000-000000000000";
  for (;;) {
    const campaigns = await sql<Campaign[]>`
      select b.id, b.status, b.contacts, b.carrier_id is not null as "isElsewhere" from bulksms b
      where b.id > ${last} ${onlyCampaigns(sql, "b", scope)} order by b.id limit ${cursorRows}`;
    for (const campaign of campaigns) {
      unseen.delete(campaign.id);
      if (!campaign.isElsewhere && isDue(campaign, journal)) await visitCampaign(snapshots, journal, campaign, visit);
    }
    if (campaigns.length < cursorRows) break;
    last = (campaigns.at(-1) as Campaign).id;
  }
  if (scope.workspaceId !== undefined) return;
  for (const id of unseen) await visitCampaign(snapshots, journal, { id, status: null, contacts: 0, isElsewhere: false }, visit);
}

interface Campaign {
  id: string;
  status: BulksmsStatus | null;
  contacts: number;
  /** Sent through a carrier, whose journal is another. */
  isElsewhere: boolean;
}

/** A campaign that never ran has nothing to compare, unless the journal knows it nevertheless. */
function isDue(campaign: Campaign, journal: JournalSnapshots): boolean {
  return campaign.status === null || isCampaignIn("ran", campaign.status) || journal.before.has(campaign.id);
}

async function visitCampaign(
  snapshots: Snapshots,
  journal: JournalSnapshots,
  campaign: Campaign,
  visit: (message: MessageFacts) => void,
): Promise<void> {
  const isCampaignEnded = campaign.status !== null && isCampaignIn("ended", campaign.status);
  const segments = new Set([...(journal.before.get(campaign.id)?.keys() ?? []), ...(journal.after.get(campaign.id)?.keys() ?? [])]);
  for (let segmentNo = 0; segmentNo * segmentRows <= campaign.contacts; segmentNo++) segments.add(segmentNo);
  for (const segmentNo of [...segments].sort((a, b) => a - b)) {
    const rows = await readRows(snapshots.salesdb, campaign.id, segmentNo);
    const bytesBefore = journal.before.get(campaign.id)?.get(segmentNo) ?? 0;
    const facts = await readSegment(journal.folder, campaign.id, segmentNo, bytesBefore);
    visitSegmentRows({ bulksmsId: campaign.id, isCampaignEnded }, rows, facts, visit);
  }
}

/** The rows of one segment in flat arrays; index = row_no - first row of the segment. */
interface SegmentRows {
  firstRow: number;
  /** 0: no row; else 1 + index of the status, bit 16 when sent_at is set. */
  codes: Uint8Array;
  parts: Uint8Array;
  /** Index into journalErrorCodes; foreignCode for any other code. */
  errorCodes: Uint8Array;
  numberMarks: Uint32Array;
  /** 0: no chunk, 1: above its intent, 2: covered by it. */
  intents: Uint8Array;
  anomalies: Map<number, Set<ReceiptStatus>>;
}

const sentBit = 16;
const knownCodes = journalErrorCodes.filter((code) => code !== null);
const foreignCode = 255;
/** Number marks exceed an int4, which the client reads ten times faster than an int8. */
const markShift = 2 ** 31;

async function readRows(sql: Snapshots["salesdb"], bulksmsId: string, segmentNo: number): Promise<SegmentRows> {
  const firstRow = segmentNo * segmentRows;
  const lastRow = firstRow + segmentRows - 1;
  const rows: SegmentRows = {
    firstRow,
    codes: new Uint8Array(segmentRows),
    parts: new Uint8Array(segmentRows),
    errorCodes: new Uint8Array(segmentRows),
    numberMarks: new Uint32Array(segmentRows),
    intents: new Uint8Array(segmentRows),
    anomalies: new Map(),
  };
  const packed = await sql<{ rowNos: number[] | null; codes: number[] | null; marks: number[] | null }[]>`
    select array_agg(row_no) as "rowNos", array_agg((1 + msisdn % ${numberMarkModulus}::bigint - ${markShift}::bigint)::int) as marks,
      array_agg((case when error_code is null then 0 else coalesce(array_position(${knownCodes}::text[], error_code), ${foreignCode}::int) << 16 end) | (parts::int << 8) | array_position((select enum_range(null::message_status)), status) | (case when sent_at is null then 0 else ${sentBit}::int end)) as codes
    from bulksms_info where bulksms_id = ${bulksmsId} and row_no between ${firstRow} and ${lastRow}`;
  const { rowNos, codes, marks } = packed[0] ?? { rowNos: null, codes: null, marks: null };
  for (let i = 0; i < (rowNos?.length ?? 0); i++) {
    const at = (rowNos?.[i] as number) - firstRow;
    rows.codes[at] = (codes?.[i] as number) & 0xff;
    rows.parts[at] = (codes?.[i] as number) >> 8;
    rows.errorCodes[at] = (codes?.[i] as number) >> 16;
    rows.numberMarks[at] = (marks?.[i] as number) + markShift;
  }
  const chunks = await sql<{ firstRow: number; lastRow: number; intentTo: number }[]>`
    select first_row as "firstRow", last_row as "lastRow", intent_to as "intentTo" from bulksms_chunk
    where bulksms_id = ${bulksmsId} and last_row >= ${firstRow} and first_row <= ${lastRow}`;
  for (const chunk of chunks) {
    const end = Math.min(chunk.lastRow, lastRow) - firstRow;
    for (let at = Math.max(0, chunk.firstRow - firstRow); at <= end; at++) rows.intents[at] = at + firstRow <= chunk.intentTo ? 2 : 1;
  }
  for (const { rowNo, status } of await readAnomalies(sql, bulksmsId, firstRow, lastRow)) {
    const at = rowNo - firstRow;
    rows.anomalies.set(at, (rows.anomalies.get(at) ?? new Set()).add(status));
  }
  return rows;
}

/** Each status once per message: a receipt repeated a hundred times takes no more memory. */
async function readAnomalies(sql: Snapshots["salesdb"], bulksmsId: string, firstRow: number, lastRow: number) {
  return sql<{ rowNo: number; status: ReceiptStatus }[]>`
    select distinct row_no as "rowNo", status from receipt_anomaly
    where bulksms_id = ${bulksmsId} and row_no between ${firstRow} and ${lastRow}`;
}

const noAnomalies: ReadonlySet<ReceiptStatus> = new Set();
const { answeredFirst, answeredSecond, answeredThird } = journalBits;

function visitSegmentRows(
  campaign: Pick<MessageFacts, "bulksmsId" | "isCampaignEnded">,
  rows: SegmentRows,
  facts: { before: SegmentFacts | null; after: SegmentFacts | null },
  visit: (message: MessageFacts) => void,
): void {
  const before = emptyJournalFacts();
  const after = facts.before === facts.after ? before : emptyJournalFacts();
  const message: MessageFacts = {
    ...campaign,
    rowNo: 0,
    status: null,
    isSentMarked: false,
    parts: 0,
    errorCode: null,
    numberMark: noNumberMark,
    isIntended: null,
    anomalies: noAnomalies,
    before,
    after,
  };
  for (let at = 0; at < segmentRows; at++) {
    const code = rows.codes[at] as number;
    const isJournaled = (facts.before?.bits[at] ?? 0) !== 0 || (facts.after?.bits[at] ?? 0) !== 0;
    if (code === 0 && !isJournaled) continue;
    message.rowNo = rows.firstRow + at;
    message.status = code === 0 ? null : (messageStatuses[(code & 15) - 1] as MessageStatus);
    message.isSentMarked = (code & sentBit) !== 0;
    message.parts = rows.parts[at] as number;
    message.errorCode = codeText(rows.errorCodes[at] as number);
    message.numberMark = rows.numberMarks[at] as number;
    message.isIntended = rows.intents[at] === 0 ? null : rows.intents[at] === 2;
    message.anomalies = rows.anomalies.get(at) ?? noAnomalies;
    fillJournalFacts(before, facts.before, at);
    if (after !== before) fillJournalFacts(after, facts.after, at);
    visit(message);
  }
}

/** `another`: a code that no carrier of ours uses. */
const codeText = (code: number): string | null => (code === foreignCode ? "another" : (journalErrorCodes[code] ?? null));

function emptyJournalFacts(): JournalFacts {
  return {
    isAccepted: false,
    isRejected: false,
    isSent: false,
    parts: 0,
    end: null,
    errorCode: null,
    numberMark: noNumberMark,
    answered: [],
    verdicts: 0,
    repeats: 0,
    hasDifferentRepeat: false,
    lacksVerdict: false,
  };
}

function fillJournalFacts(target: JournalFacts, segment: SegmentFacts | null, at: number): void {
  const bits = segment?.bits[at] ?? 0;
  target.isAccepted = (bits & journalBits.accepted) !== 0;
  target.isRejected = (bits & journalBits.rejected) !== 0;
  target.isSent = (bits & journalBits.isSent) !== 0;
  target.parts = segment?.parts[at] ?? 0;
  target.end = journalEnds[segment?.ends[at] ?? 0] ?? null;
  target.errorCode = codeText(segment?.codes[at] ?? 0);
  target.numberMark = segment?.numberMarks[at] ?? noNumberMark;
  target.answered = answeredStatuses(bits, target);
  target.verdicts = segment?.verdicts[at] ?? 0;
  target.repeats = segment?.repeats[at] ?? 0;
  target.hasDifferentRepeat = (bits & journalBits.repeatDiffered) !== 0;
  target.lacksVerdict = (bits & journalBits.lacksVerdict) !== 0;
}

/**
 * Answered receipts by bits: 8, 16, 32 answered first, second, third; 4 sent; 0-3 the end. A
 * million messages share these lists.
 */
const answeredLists: readonly (readonly ReceiptStatus[])[] = Array.from({ length: 64 }, (_, key) =>
  [answeredFirst, answeredSecond, answeredThird]
    .map((bit, index) =>
      (key & bit) === 0 ? null : receiptStatusOf(index + 1, (key & journalBits.isSent) !== 0, journalEnds[key & 3] ?? null),
    )
    .filter((status) => status !== null),
);

function answeredStatuses(bits: number, { end }: Pick<JournalFacts, "end">): readonly ReceiptStatus[] {
  const key = (bits & (answeredFirst | answeredSecond | answeredThird | journalBits.isSent)) | journalEnds.indexOf(end);
  return answeredLists[key] as readonly ReceiptStatus[];
}
