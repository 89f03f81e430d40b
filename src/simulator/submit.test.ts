import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomRuns } from "../../testing/random_runs.ts";
import { isAppError } from "../contracts/errors.ts";
import { submitMessagesMax, submitRequest } from "../contracts/receipts.ts";
import { isPlainlyValid, readSubmit } from "./submit.ts";

const batchId = "0192f0c1-2345-7abc-8def-0123456789ab";

function body(changes: Record<string, unknown> = {}, message: Record<string, unknown> = {}): Record<string, unknown> {
  const messages = [{ row_no: 1, to: "+358401234567", parts: 1, ...message }];
  return { batch_id: batchId, sender: "Oulu", text: "Hello", valid_until: "2026-11-24T12:00:00Z", messages, ...changes };
}

const codeOf = (wrong: unknown): string => {
  try {
    readSubmit(wrong);
  } catch (error) {
    if (isAppError(error)) return error.code;
    throw error;
  }
  return "none";
};

describe("a submit is refused as a whole", () => {
  test.each([
    ["null", null, "request_invalid"],
    ["an array", [], "request_invalid"],
    ["no messages", body({ messages: [] }), "request_invalid"],
    ["messages that are an object", body({ messages: {} }), "request_invalid"],
    ["a message that is null", body({ messages: [null] }), "request_invalid"],
    ["too many messages", body({ messages: new Array(submitMessagesMax + 1).fill(null) }), "body_too_large"],
    ["an unknown field", body({ priority: 1 }), "field_unknown"],
    ["an unknown field of a message", body({}, { priority: 1 }), "field_unknown"],
    ["a batch that is no UUID", body({ batch_id: "../../etc/passwd" }), "request_invalid"],
    ["an empty sender", body({ sender: "" }), "request_invalid"],
    ["a sender that is a number", body({ sender: 7 }), "request_invalid"],
    ["a validity that is no time", body({ valid_until: "tomorrow" }), "request_invalid"],
    ["a validity on a day that is not", body({ valid_until: "2026-02-30T12:00:00Z" }), "request_invalid"],
    ["a row below 1", body({}, { row_no: 0 }), "request_invalid"],
    ["a row beyond 2^31 - 1", body({}, { row_no: 2 ** 31 }), "request_invalid"],
    ["a row that is a fraction", body({}, { row_no: 1.5 }), "request_invalid"],
    ["a row that is a string", body({}, { row_no: "1" }), "request_invalid"],
    ["a number without its plus", body({}, { to: "358401234567" }), "request_invalid"],
    ["a number with letters", body({}, { to: "+35840123456O" }), "request_invalid"],
    ["a number with a line break behind it", body({}, { to: "+358401234567\n" }), "request_invalid"],
    ["no parts", body({}, { parts: 0 }), "request_invalid"],
    ["parts beyond a byte", body({}, { parts: 256 }), "request_invalid"],
    ["no text at all", body({ text: undefined }), "request_invalid"],
    ["a text too long", body({ text: "x".repeat(2_001) }), "request_invalid"],
    [
      "a row that stands twice",
      body({ messages: [2, 1, 2].map((row) => ({ row_no: row, to: "+358401234567", parts: 1 })) }),
      "request_invalid",
    ],
  ])("%s", (_says, wrong, code) => {
    expect(codeOf(wrong)).toBe(code);
  });
});

test("the quick check takes what the schema takes", () => {
  const texts = fc.option(fc.string({ maxLength: 20 }), { nil: undefined });
  const messages = fc.array(
    fc.record({
      row_no: fc.oneof(fc.integer({ min: -1, max: 10 }), fc.double()),
      to: fc.oneof(fc.stringMatching(/^\+\d{6,16}$/), fc.string()),
      parts: fc.integer({ min: 0, max: 256 }),
      text: texts,
    }),
    { maxLength: 3 },
  );
  const bodies = fc.record({
    batch_id: fc.oneof(fc.uuid(), fc.string()),
    sender: fc.string({ maxLength: 18 }),
    text: texts,
    valid_until: fc.oneof(
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("2099-12-31") }).map((date) => date.toISOString()),
      fc.constantFrom("2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01", "2026-01-01T00:00:00+02:00"),
    ),
    messages,
  });
  fc.assert(
    fc.property(bodies, (candidate) => {
      // what the quick check takes, the schema must take; what it leaves to the schema only costs
      // time
      if (isPlainlyValid(candidate)) expect(submitRequest.safeParse(candidate).success).toBe(true);
    }),
    { numRuns: randomRuns(500) },
  );
});

test("the quick check takes an ordinary body, so that the schema is not asked", () => {
  expect(isPlainlyValid(body())).toBe(true);
  expect(isPlainlyValid(body({ text: undefined, valid_until: new Date().toISOString() }, { text: "Hi" }))).toBe(true);
});

describe("the digest of a message", () => {
  const digest = (changes: Record<string, unknown> = {}, message: Record<string, unknown> = {}): string => {
    const [first] = readSubmit(body(changes, message)).messages;
    return `${first?.digestHigh}.${first?.digestLow}`;
  };

  test.each([
    ["number", {}, { to: "+358401234568" }],
    ["parts", {}, { parts: 2 }],
    ["text", { text: "Hello!" }, {}],
    ["sender", { sender: "Oulu2" }, {}],
    ["validity", { valid_until: "2026-11-24T12:00:01Z" }, {}],
  ])("changes with its %s", (_what, changes, message) => {
    expect(digest(changes, message)).not.toBe(digest());
  });

  test("does not depend on whether the text stands in the body or in the message, nor on how the time is written", () => {
    expect(digest({ text: undefined, valid_until: "2026-11-24T12:00:00.000Z" }, { text: "Hello" })).toBe(digest());
  });

  test("differs between numbers side by side", () => {
    const messages = Array.from({ length: 10_000 }, (_, row) => ({ row_no: row + 1, to: `+35840${1_000_000 + row}`, parts: 1 }));
    const digests = readSubmit(body({ messages })).messages.map(({ digestLow, digestHigh }) => `${digestHigh}.${digestLow}`);
    expect(new Set(digests).size).toBe(10_000);
  });
});
