// Receipts whose ids are in another form than the answers': the rule is proposed when it is
// certain, and what waited finds its message once it is applied.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import type { IdRule } from "../../contracts/carriers.ts";
import { proposeRule, rereadWaiting } from "./id_rules.ts";
import { joinWaiting } from "./waiting_receipts.ts";

let rows: SalesRows;
let carrierId = "";
let bulksmsId = "";

beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
});
afterAll(() => rows?.close());
beforeEach(async () => {
  const settings = rows.owner.json({ protocol: "smpp", window: 10, receipt_ids: "exact" });
  const carrier = { name: `c${randomUUID().slice(0, 8)}`, settings, sealed_secret: Buffer.from([0]), state: "live" };
  const [row] = await rows.owner<{ id: string }[]>`insert into carrier ${rows.owner(carrier)} returning id`;
  carrierId = row?.id as string;
});

/** Messages that the carrier has accepted under these ids. */
async function accepted(ids: readonly string[]): Promise<void> {
  const contacts = ids.length;
  bulksmsId = await rows.insertCampaign({ contacts, parts: contacts, sent: contacts, carrier_id: carrierId });
  await rows.owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli, status, sent_at)
    select ${bulksmsId}, n, 358400000000 + n, 1, 100, 'sent', now() from generate_series(1, ${contacts}::int) n`;
  await rows.owner`insert into carrier_message (carrier_id, their_id, bulksms_id, row_no, part_no, parts)
    select ${carrierId}, their_id, ${bulksmsId}, n, 1, 1 from unnest(${[...ids]}::text[]) with ordinality t (their_id, n)`;
}

/** Receipts `delivered` that have waited for 20 s, under their ids as they came. */
async function wait(ids: readonly string[], waitedS = 20): Promise<void> {
  await rows.owner`insert into receipt_waiting (carrier_id, their_id, status, body, received_at)
    select ${carrierId}, id, 'delivered', 'id:' || id || ' sub:001 dlvrd:001 stat:DELIVRD err:000 text:', now() - ${waitedS} * interval '1 s'
    from unnest(${[...ids]}::text[]) id`;
}

async function proposal(rule: IdRule = "exact"): Promise<IdRule | null> {
  await proposeRule(rows.sql, { carrierId, rule });
  const [row] = await rows.owner`select proposed_receipt_ids as proposed from carrier where id = ${carrierId}`;
  return row?.proposed;
}

const numbers = Array.from({ length: 6 }, (_, at) => 972_660_181 + 1_117 * at);
const decimal = numbers.map(String);
const padded = numbers.map((number) => String(number).padStart(12, "0"));
const hex = numbers.map((number) => number.toString(16));

describe("the rule of a carrier whose receipts find no message", () => {
  it.each<[IdRule, string[], string[]]>([
    ["dec_to_hex", hex, padded],
    ["hex_to_dec", decimal, hex],
    ["strip_zeros", decimal, padded],
    ["lower", hex.map((id) => `x-${id}`), hex.map((id) => `X-${id.toUpperCase()}`)],
  ])("is %s when that alone fits all of them", async (rule, answers, receipts) => {
    await accepted(answers);
    await wait(receipts);
    expect(await proposal()).toBe(rule);
  });

  it.each<[string, string[], string[], number]>([
    ["four ids have come", hex, padded.slice(0, 4), 20],
    ["one id fits nothing", hex, [...padded, "4711"], 20],
    ["none of them fits", hex.map((id) => `x${id}`), padded, 20],
    ["their answers may be on their way", hex, padded, 5],
    ["two rules fit", ["1", "2", "3", "4", "5"], ["01", "02", "03", "04", "05"], 20],
  ])("is not guessed when %s", async (_says, answers, receipts, waitedS) => {
    await accepted(answers);
    await wait(receipts, waitedS);
    expect(await proposal()).toBeNull();
  });

  it("is taken back when it fits no longer", async () => {
    await accepted(hex);
    await wait(padded);
    expect(await proposal()).toBe("dec_to_hex");
    await wait(["4711"]);
    expect(await proposal()).toBeNull();
  });

  it("is found from ids as they came, whatever rule has read them", async () => {
    await accepted(hex);
    await wait(padded);
    await rereadWaiting(rows.sql, { carrierId, rule: "strip_zeros" });
    expect(await proposal("strip_zeros")).toBe("dec_to_hex");
  });
});

it("receipts that wait find their messages once the rule is applied", async () => {
  await accepted(hex);
  await wait(padded);
  const terms = { carrierId, hasIdPerPart: true, resolvesByPhone: true };
  expect(await joinWaiting(rows.sql, terms)).toBeNull();
  for (const rule of ["strip_zeros", "dec_to_hex"] as const) await rereadWaiting(rows.sql, { carrierId, rule });
  await joinWaiting(rows.sql, terms);
  const [row] = await rows.owner`select delivered, sent from bulksms where id = ${bulksmsId}`;
  expect(row).toEqual({ delivered: 6, sent: 0 });
  const [waiting] = await rows.owner`select count(*)::int as n from receipt_waiting where carrier_id = ${carrierId}`;
  expect(waiting?.n).toBe(0);
});
