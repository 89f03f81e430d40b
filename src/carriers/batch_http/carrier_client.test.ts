import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCarrier, type TestCarrier } from "../../../testing/test_carrier.ts";
import type { SubmitRequest } from "../../contracts/receipts.ts";
import type { CarrierClient } from "../carrier.ts";
import { judgeAnswer, openCarrierClient } from "./carrier_client.ts";

const body: SubmitRequest = {
  batch_id: randomUUID(),
  sender: "Test",
  text: "Hello",
  valid_until: "2030-01-01T00:00:00.000Z",
  messages: [1, 2, 3].map((rowNo) => ({ row_no: rowNo, to: "+358401234567", parts: 1 })),
};
const judge = (status: number, answer: unknown, headers: Record<string, string> = {}) =>
  judgeAnswer({ status, headers, body: answer }, body);

describe("what a carrier's answer means", () => {
  it("a verdict on every message, when it has the contract's form and speaks of this body", () => {
    const outcome = judge(200, { batch_id: body.batch_id, accepted: 2, rejected: [{ row_no: 2, error_code: "barred\u0000" }] });
    expect(outcome).toEqual({ kind: "answered", rejected: new Map([[2, "barred"]]) });
  });

  it("no verdict, when it is a 408 or 5xx, has another form, or speaks of other messages", () => {
    const answers: [number, unknown][] = [
      [408, { code: "request_incomplete" }],
      [500, {}],
      [503, { batch_id: body.batch_id, accepted: 3, rejected: [] }],
      [200, undefined],
      [200, {}],
      [200, { batch_id: randomUUID(), accepted: 3, rejected: [] }],
      [200, { batch_id: body.batch_id, accepted: 2, rejected: [] }],
      [200, { batch_id: body.batch_id, accepted: 2, rejected: [{ row_no: 9, error_code: "x" }] }],
      [200, { batch_id: body.batch_id, accepted: 1, rejected: Array(2).fill({ row_no: 2, error_code: "x" }) }],
    ];
    for (const [status, answer] of answers) {
      expect(judge(status, answer), JSON.stringify(answer)).toMatchObject({ kind: "silent", isWithoutEffect: false });
    }
  });

  it("a refusal of the whole body, when it is any other status", () => {
    for (const status of [201, 302, 400, 401, 404, 413, 422])
      expect(judge(status, {})).toEqual({ kind: "refused", reason: `carrier_refused_${status}` });
  });

  it("too fast, when it is 429: for as long as it says in seconds or as a date, within a minute", () => {
    const quiet = (header?: string) =>
      (judge(429, {}, header === undefined ? {} : { "retry-after": header }) as { retryAfterMs: number }).retryAfterMs;
    expect([quiet("2"), quiet("0"), quiet(), quiet("soon"), quiet("86400")]).toEqual([2_000, 1, 1_000, 1_000, 60_000]);
    expect(quiet(new Date(Date.now() + 5_000).toUTCString())).toBeGreaterThan(3_000);
  });
});

describe("a submit", () => {
  let carrier: TestCarrier;
  let client: CarrierClient;
  beforeAll(async () => {
    carrier = await startTestCarrier();
    client = openCarrierClient({ url: carrier.url, key: "key", timeoutMs: 300, connections: 2 });
  });
  afterAll(async () => {
    await client.close();
    await carrier.stop();
  });

  it("without an answer in time may have had its effect", async () => {
    carrier.behave("hang");
    expect(await client.submit(body)).toMatchObject({ kind: "silent", isWithoutEffect: false });
    carrier.behave("accept");
    expect(await client.submit(body)).toEqual({ kind: "answered", rejected: new Map() });
  });

  it("whose connection is refused certainly had none", async () => {
    await carrier.setUp(false);
    await expect.poll(() => client.submit(body), { timeout: 5_000 }).toMatchObject({ kind: "silent", isWithoutEffect: true });
    await carrier.setUp(true);
    await expect.poll(() => client.submit(body), { timeout: 5_000 }).toMatchObject({ kind: "answered" });
  });
});
