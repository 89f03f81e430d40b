// What a carrier answers when it is asked: a find resolves doubt, an absence and a doubtful find do
// not, and messages whose receipts cannot reach us are polled until they have their end.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import type { CarrierReceipt } from "../../carriers/link.ts";
import { type Inquirer, lookUpDoubt, pollMessages, type Sought } from "./inquiries.ts";

let rows: SalesRows;
let carrierId: string;
let phone = 358_400_000_000;

beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
});
afterAll(() => rows.close());
beforeEach(async () => {
  phone += 1;
  const settings = rows.owner.json({ protocol: "twilio", window: 4, receipts: "push" });
  const [carrier] = await rows.owner<{ id: string }[]>`
    insert into carrier (name, settings, sealed_secret, state) values (${randomUUID()}, ${settings}, '\\x00', 'live') returning id`;
  carrierId = carrier?.id as string;
});

async function seed(status: "unknown" | "queued" | "pending"): Promise<string> {
  const id = await rows.insertCampaign({
    contacts: 1,
    parts: 1,
    [status]: 1,
    cost_milli: 100,
    carrier_id: carrierId,
    text: "Hello {name}",
    placeholders: ["name"],
  });
  await rows.owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli, status, fields) values (${id}, 1, ${phone}, 1, 100, ${status}, '{Aino}')`;
  const isPending = status === "pending";
  await rows.owner`insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to, submitted_at, state, lease_owner, lease_until)
    values (${id}, 1, 1, 1, 1, now(), ${isPending ? "leased" : "done"}, ${isPending ? randomUUID() : null}, ${isPending ? new Date(Date.now() + 60_000).toISOString() : null})`;
  return id;
}

async function doubt(id: string): Promise<void> {
  const [event] = await rows.owner<
    { id: string }[]
  >`insert into doubt_event (carrier_id, kind, bound) values (${carrierId}, 'cut', 4) returning id`;
  await rows.owner`insert into doubt_message (bulksms_id, row_no, event_id, intended_at, next_look_up_at) values (${id}, 1, ${event?.id as string}, now(), now())`;
}

const statusOf = async (id: string) => (await rows.owner`select status from bulksms_info where bulksms_id = ${id}`)[0]?.status;
const found = (theirId: string, status: CarrierReceipt["status"]): CarrierReceipt => ({
  theirId,
  reference: null,
  status,
  errorCode: null,
  phone: null,
  raw: "{}",
});

function inquirer(answer: CarrierReceipt | null) {
  const asked: (Sought | string)[] = [];
  const answered = (question: Sought | string) => {
    asked.push(question);
    return answer;
  };
  const one: Inquirer = {
    poll: async (theirId) => answered(theirId),
    lookUp: async (sought) => answered(sought),
    close: async () => {},
  };
  return { one, asked };
}
const nobody = () => {};

test("a message in doubt that is found there takes what is known of it, and its id", async () => {
  const id = await seed("unknown");
  await doubt(id);
  const { one, asked } = inquirer(found("SM1", "delivered"));
  await lookUpDoubt(rows.sql, carrierId, one, nobody);
  expect(asked).toMatchObject([{ phone: String(phone), sender: "Test", text: "Hello Aino" }]);
  expect(await statusOf(id)).toBe("delivered");
  expect(await rows.owner`select their_id from carrier_message where bulksms_id = ${id}`).toEqual([{ their_id: "SM1" }]);
});

test("one that is not found stays in doubt and is asked for again later", async () => {
  const id = await seed("unknown");
  await doubt(id);
  const { one, asked } = inquirer(null);
  await lookUpDoubt(rows.sql, carrierId, one, nobody);
  await lookUpDoubt(rows.sql, carrierId, one, nobody);
  expect(asked).toHaveLength(1);
  expect(await statusOf(id)).toBe("unknown");
  const [row] = await rows.owner`select look_ups, next_look_up_at > now() as "isLater" from doubt_message where bulksms_id = ${id}`;
  expect(row).toEqual({ look_ups: 1, isLater: true });
});

test("nobody is asked while another message of the phone may be there", async () => {
  const id = await seed("unknown");
  await doubt(id);
  await seed("pending");
  const { one, asked } = inquirer(found("SM2", "delivered"));
  await lookUpDoubt(rows.sql, carrierId, one, nobody);
  expect(asked).toEqual([]);
  expect(await statusOf(id)).toBe("unknown");
});

test("a message without receipts is polled until it has its end", async () => {
  const id = await seed("queued");
  await rows.owner`insert into carrier_message (carrier_id, their_id, bulksms_id, row_no, part_no, parts, next_poll_at) values (${carrierId}, 'SM3', ${id}, 1, 1, 1, now())`;
  const { one, asked } = inquirer(found("SM3", "delivered"));
  await pollMessages(rows.sql, carrierId, one, nobody);
  expect(asked).toEqual(["SM3"]);
  expect(await statusOf(id)).toBe("delivered");
  await rows.owner`update carrier_message set next_poll_at = now() where bulksms_id = ${id}`;
  await pollMessages(rows.sql, carrierId, one, nobody);
  expect(asked).toHaveLength(1);
  expect(await rows.owner`select from carrier_message where bulksms_id = ${id} and next_poll_at is not null`).toHaveLength(0);
});
