// A small world in which every law holds, written straight into both databases and a journal
// folder: what the tests of the laws break. Only tests import it; it shares no code with those who
// write such rows in earnest.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import {
  fileMagic,
  fileMagicOfFormat1,
  journalEnds,
  journalErrorCodes,
  type NetworkEnd,
  recordBytes,
  recordTypes,
  segmentPath,
  segmentRows,
} from "../src/contracts/simulator_journal.ts";
import { type campaignSets, isCampaignIn, isMessageIn, type MessageStatus, messageStatuses } from "../src/contracts/states.ts";
import type { Sql } from "../src/platform/postgres.ts";

/** Milli-credits a part. */
export const price = 100n;

/** One message in both places. `journal: null`: the carrier never got it. */
export interface PlantedMessage {
  rowNo: number;
  status: MessageStatus;
  parts: number;
  errorCode?: string;
  isSentMarked: boolean;
  isIntended: boolean;
  anomaly?: string;
  journal: PlantedJournal | null;
}

export interface PlantedJournal {
  verdict: "accepted" | "rejected";
  isSent?: boolean;
  end?: NetworkEnd;
  /** With a rejection, and with an end other than `delivered`. */
  errorCode?: (typeof journalErrorCodes)[number];
  /** Numbers of the receipts that were answered 2xx. */
  answered?: number[];
  /** One entry a repeat: whether it was the same message. */
  repeats?: boolean[];
  /** Written so many times; 1 in a world without fault. */
  verdicts?: number;
}

export interface PlantedCampaign {
  id: string;
  holdId: string;
  workspaceId: string;
  status: (typeof campaignSets.ran)[number];
  messages: PlantedMessage[];
  /** Milli-credits a part; default: `price`. */
  partMilli?: bigint;
  /** In a schema from before messages had their cost. */
  isWithoutCost?: boolean;
}

/** The usual course of a message that ended so. */
export function message(rowNo: number, status: MessageStatus, more: Partial<PlantedMessage> = {}): PlantedMessage {
  const isCharged = isMessageIn("charging", status);
  const journals: Record<MessageStatus, PlantedJournal | null> = {
    pending: null,
    unknown: { verdict: "accepted" },
    queued: { verdict: "accepted", answered: [1] },
    sent: { verdict: "accepted", isSent: true, answered: [1, 2] },
    failed: { verdict: "accepted", end: "failed", errorCode: "barred", answered: [1, 2] },
    undelivered: { verdict: "accepted", isSent: true, end: "undelivered", errorCode: "absent_subscriber", answered: [1, 2, 3] },
    delivered: { verdict: "accepted", isSent: true, end: "delivered", answered: [1, 2, 3] },
    expired: { verdict: "accepted", answered: [1] },
    canceled: null,
  };
  const journal = journals[status];
  const planted = { rowNo, status, parts: 1, isSentMarked: isCharged, isIntended: journal !== null, journal, ...more };
  const errorCode = planted.journal?.errorCode ?? undefined;
  return { ...planted, ...(errorCode === undefined || !isMessageIn("explained", status) ? {} : { errorCode }) };
}

/** Workspace with one top-up, larger than all holds of its campaigns. */
export async function plantWorkspace(ds: Sql, workspaceId: string, toppedUpMilli: bigint): Promise<void> {
  await ds`insert into workspace (id, name, available) values (${workspaceId}, 'planted', ${toppedUpMilli})`;
  await ds`insert into credit_ledger (transfer_id, kind, workspace_id, debit, credit, amount)
    values (uuidv7(), 'top_up', ${workspaceId}, 'outside', 'available', ${toppedUpMilli})`;
}

/**
 * The campaign in salesdb, its credit in ds, its messages in the journal. A running one has its
 * last charge on the way.
 */
export async function plantCampaign(ds: Sql, salesdb: Sql, simulatorFolder: string, campaign: PlantedCampaign): Promise<void> {
  await plantRows(salesdb, campaign);
  await plantCredit(ds, salesdb, campaign);
  writeJournal(simulatorFolder, campaign.id, campaign.messages);
}

async function plantRows(sql: Sql, campaign: PlantedCampaign): Promise<void> {
  const { id, holdId, workspaceId, status, messages, partMilli = price, isWithoutCost = false } = campaign;
  const count = (of: MessageStatus) => messages.filter((m) => m.status === of).length;
  const counters = Object.fromEntries(messageStatuses.map((of) => [of, count(of)]));
  await sql`insert into bulksms ${sql({
    ...{
      id,
      workspace_id: workspaceId,
      name: "planted",
      sender: "Oulu",
      text: "Hi",
      country: "FI",
      deadline_s: 45,
      status,
      price: partMilli,
      hold_id: holdId,
    },
    ...{
      contacts: messages.length,
      parts: sum(messages),
      parts_sent: sum(messages.filter((m) => m.isSentMarked)),
      rejected: 1,
      ...counters,
    },
    ...(isWithoutCost
      ? {}
      : {
          price_version: 1,
          cost_milli: BigInt(sum(messages)) * partMilli,
          charged_milli: BigInt(sum(messages.filter((m) => m.isSentMarked))) * partMilli,
        }),
  })}`;
  await sql`insert into bulksms_reject (bulksms_id, line, reason, value) values (${id}, 2, 'msisdn_missing', '')`;
  await sql`insert into bulksms_run (hold_id, bulksms_id, amount) values (${holdId}, ${id}, ${BigInt(sum(messages)) * partMilli})`;
  for (let at = 0; at < messages.length; at += 2_000) {
    const rows = messages.slice(at, at + 2_000).map((m) => ({
      bulksms_id: id,
      row_no: m.rowNo,
      msisdn: numberOf(m.rowNo),
      parts: m.parts,
      ...(isWithoutCost ? {} : { cost_milli: m.parts * Number(partMilli) }),
      status: m.status,
      error_code: m.errorCode ?? null,
      sent_at: m.isSentMarked ? new Date() : null,
    }));
    await sql`insert into bulksms_info ${sql(rows)}`;
  }
  for (const m of messages.filter((one) => one.anomaly !== undefined)) {
    await sql`insert into receipt_anomaly (receipt_id, kind, reference, bulksms_id, row_no, status, body)
      values (${`${id}.${m.rowNo}.${m.anomaly}`}, 'late', ${`${id}.${m.rowNo}`}, ${id}, ${m.rowNo}, ${m.anomaly as string}, '{}')`;
  }
  const last = messages.at(-1)?.rowNo ?? 1;
  const intentTo = Math.max(0, ...messages.filter((m) => m.isIntended).map((m) => m.rowNo));
  await sql`insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, state, intent_to) values (${id}, 0, 1, ${last}, 'done', ${intentTo})`;
}

const numberOf = (rowNo: number): bigint => 358_400_000_000n + BigInt(rowNo);

/**
 * What was sent, in three outbox rows, each settled but for the last of a running campaign; the
 * rest of the hold released at the end.
 */
async function plantCredit(ds: Sql, salesdb: Sql, campaign: PlantedCampaign): Promise<void> {
  const { id, holdId, workspaceId, status, messages, partMilli = price } = campaign;
  const amount = BigInt(sum(messages)) * partMilli;
  const parts = sum(messages.filter((m) => m.isSentMarked));
  const shares = [1, 1, parts - 2].filter((share) => share > 0);
  const isEnded = isCampaignIn("complete", status);
  let settled = 0n;
  await ds`insert into credit_hold (id, workspace_id, amount, state) values (${holdId}, ${workspaceId}, ${amount}, 'open')`;
  await ledger("hold", "available", "held", amount);
  for (const [index, share] of shares.entries()) {
    const isSettled = isEnded || index < shares.length - 1;
    const cost = BigInt(share) * partMilli;
    const [row] = await salesdb<{ id: string }[]>`insert into credit_outbox (bulksms_id, hold_id, parts, amount, confirmed_at)
      values (${id}, ${holdId}, ${share}, ${cost}, ${isSettled ? new Date() : null}) returning id`;
    if (!isSettled) continue;
    settled += cost;
    await ledger("settle", "held", "spent", cost, row?.id);
  }
  const released = isEnded ? amount - settled : 0n;
  if (released > 0n) await ledger("release", "held", "available", released);
  await ds`update credit_hold set settled = ${settled}, released = ${released}, state = ${isEnded ? "closed" : "open"},
    closed_at = ${isEnded ? new Date() : null} where id = ${holdId}`;
  await ds`update workspace set available = available - ${amount} + ${released}, held = held + ${amount} - ${settled} - ${released},
    spent = spent + ${settled}, version = version + 1 where id = ${workspaceId}`;

  async function ledger(kind: string, debit: string, credit: string, milli: bigint, transferId?: string): Promise<void> {
    await ds`insert into credit_ledger (transfer_id, kind, workspace_id, hold_id, debit, credit, amount)
      values (${transferId ?? ds`uuidv7()`}, ${kind}, ${workspaceId}, ${holdId}, ${debit}, ${credit}, ${milli})`;
  }
}

/**
 * Writes the segments of one batch, a block each (written anew: an earlier file of it is lost).
 * Format 1 names no numbers.
 */
export function writeJournal(simulatorFolder: string, batchId: string, messages: readonly PlantedMessage[], format: 1 | 2 = 2): void {
  const segments = new Map<number, Buffer[]>();
  for (const { rowNo, parts, journal } of messages) {
    if (journal === null) continue;
    const segmentNo = Math.floor(rowNo / segmentRows);
    const records = segments.get(segmentNo) ?? [record(format === 1 ? recordTypes.submit_1 : recordTypes.submit)];
    segments.set(segmentNo, records);
    records.push(...messageRecords(rowNo, parts, journal, format));
  }
  for (const [segmentNo, records] of segments) {
    const path = join(simulatorFolder, segmentPath(batchId, segmentNo));
    mkdirSync(dirname(path), { recursive: true });
    const payload = Buffer.concat(records);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(payload.length, 0);
    head.writeUInt32LE(crc32(payload), 4);
    writeFileSync(path, Buffer.concat([format === 1 ? fileMagicOfFormat1 : fileMagic, head, payload]));
  }
}

function messageRecords(rowNo: number, parts: number, journal: PlantedJournal, format: 1 | 2): Buffer[] {
  const row = rowNo % segmentRows;
  const code = Math.max(0, journalErrorCodes.indexOf(journal.errorCode ?? null));
  const verdict = () =>
    record(recordTypes[format === 1 ? (`${journal.verdict}_1` as const) : journal.verdict], (r) => {
      r.writeUInt8(parts, 1);
      r.writeUInt16LE(row, 2);
      if (journal.verdict === "rejected") r.writeUInt8(code, 12);
      // the mark of a number: 1 + its remainder by the largest prime below 2^32
      if (format === 2) r.writeUInt32LE(1 + Number(numberOf(rowNo) % 4_294_967_291n), 13);
    });
  const about = (type: number, last?: number) =>
    record(type, (r) => [r.writeUInt16LE(row, 1), last === undefined ? 0 : r.writeUInt8(last, 3)]);
  const ended = (end: number) => record(recordTypes.ended, (r) => [r.writeUInt16LE(row, 1), r.writeUInt8(end, 7), r.writeUInt8(code, 8)]);
  return [
    ...Array.from({ length: journal.verdicts ?? 1 }, verdict),
    ...(journal.isSent ? [about(recordTypes.sent)] : []),
    ...(journal.end === undefined ? [] : [ended(journalEnds.indexOf(journal.end))]),
    ...(journal.answered ?? []).map((receiptNo) => about(recordTypes.answered, receiptNo)),
    ...(journal.repeats ?? []).map((isSame) => about(recordTypes.repeat, isSame ? 1 : 0)),
  ];
}

function record(type: number, fill: (bytes: Buffer) => unknown = () => {}): Buffer {
  const bytes = Buffer.alloc(recordBytes[type] as number);
  bytes.writeUInt8(type, 0);
  fill(bytes);
  return bytes;
}

function sum(messages: readonly PlantedMessage[]): number {
  return messages.reduce((total, m) => total + m.parts, 0);
}
