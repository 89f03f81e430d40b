// Twilio's wire formats: what one of our ends writes, the other reads; what is malformed is told.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CarrierErrorCode, carrierErrors } from "../../contracts/receipts.ts";
import { receiptStatuses } from "../../contracts/states.ts";
import { formatTwilioDate, parseTwilioDate } from "./dates.ts";
import { errorCodeOf, errorNumberOf, isRefusalOfAccount } from "./errors.ts";
import { fieldOf, formatForm, parseForm } from "./form.ts";
import { formatCreateMessage, parseCreateMessage } from "./message.ts";
import { formatMessageList, type MessageListQuery, parseMessageList } from "./message_list.ts";
import { signTwilioRequest, verifyTwilioRequest } from "./signature.ts";
import { formatStatusCallback, parseStatusCallback } from "./status_callback.ts";
import { isFinalStatus, receiptStatusOf, twilioStatuses } from "./statuses.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const token = "12345";

describe("the signature", () => {
  // the example of https://www.twilio.com/docs/usage/security
  const url = "https://mycompany.com/myapp.php?foo=1&bar=2";
  const fields = Object.entries({
    CallSid: "CA1234567890ABCDE",
    Caller: "+14158675309",
    Digits: "1234",
    From: "+14158675309",
    To: "+18005551212",
  });

  test("is that of the documentation's example", () => {
    expect(signTwilioRequest(token, url, fields)).toBe("RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    expect(verifyTwilioRequest(token, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", url, fields)).toBe(true);
  });

  test.each([
    ["signed without its port", "https://a.example/r?x=1", "https://a.example:443/r?x=1"],
    ["signed with its port", "https://a.example:443/r", "https://a.example/r"],
    ["signed without another port", "https://a.example/r", "https://a.example:8443/r"],
    ["http", "http://a.example:80/r", "http://a.example/r"],
    ["an IPv6 address", "http://[::1]:80/r", "http://[::1]/r"],
    ["a colon in the path", "http://a.example:80/r:1?at=12:30", "http://a.example/r:1?at=12:30"],
    ["credentials in the URL", "https://u:p@a.example:443/r", "https://u:p@a.example/r"],
    ["no path", "https://a.example:443?x=1", "https://a.example?x=1"],
  ])("%s is taken", (_name, signedUrl, seenUrl) => {
    expect(verifyTwilioRequest(token, signTwilioRequest(token, signedUrl, fields), seenUrl, fields)).toBe(true);
  });

  test("a repeated name counts each of its values once, in order", () => {
    const signature = signTwilioRequest(token, url, [
      ["A", "2"],
      ["B", "x"],
      ["A", "1"],
      ["A", "2"],
    ]);
    expect(signature).toBe(
      signTwilioRequest(token, url, [
        ["A", "1"],
        ["A", "2"],
        ["B", "x"],
      ]),
    );
    expect(signature).not.toBe(
      signTwilioRequest(token, url, [
        ["A", "2"],
        ["B", "x"],
      ]),
    );
  });

  test("whatever is changed is refused", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 20 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), text, text, (form, name, value) => {
        const signature = signTwilioRequest(token, url, form);
        expect(verifyTwilioRequest(token, signature, url, form)).toBe(true);
        expect(verifyTwilioRequest(`${token}6`, signature, url, form)).toBe(false);
        expect(verifyTwilioRequest(token, signature, `${url}&x=`, form)).toBe(false);
        if (name + value !== "") expect(verifyTwilioRequest(token, signature, url, [...form, [name, `${value}!`]])).toBe(false);
        expect(verifyTwilioRequest(token, `${signature} `, url, form)).toBe(false);
        expect(verifyTwilioRequest(token, "", url, form)).toBe(false);
      }),
      { seed },
    );
  });
});

test("a form survives its way, whatever is in it", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 40 });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text)), (fields) => {
      expect(parseForm(formatForm(fields))).toEqual(fields);
    }),
    { seed },
  );
  expect(fieldOf(parseForm("A=1&A=2&B=%C3%A4+b"), "A")).toBe("1");
  expect(fieldOf(parseForm("A=1&A=2&B=%C3%A4+b"), "B")).toBe("ä b");
  expect(parseForm("%ff=%")).toEqual([["�", "%"]]);
});

test("a message to create survives its way as a form", () => {
  const optional = (text: fc.Arbitrary<string>) => fc.option(text, { nil: undefined });
  const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 });
  const message = fc.record({
    to: word,
    body: word,
    from: optional(word),
    messagingServiceSid: optional(word),
    statusCallback: optional(word),
    validityPeriod: fc.option(fc.integer({ min: 0, max: 999_999_999 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(message, (created) => {
      expect(parseCreateMessage(parseForm(formatForm(formatCreateMessage(created))))).toEqual(created);
    }),
    { seed },
  );
  expect(parseCreateMessage(parseForm("To=&Body=x&ValidityPeriod=1e3"))).toMatchObject({ to: "", body: "x", validityPeriod: Number.NaN });
});

describe("dates", () => {
  test("RFC 2822 to the second, and back", () => {
    expect(formatTwilioDate(Date.UTC(2023, 7, 24, 5, 1, 45))).toBe("Thu, 24 Aug 2023 05:01:45 +0000");
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_799 }), (second) => {
        expect(parseTwilioDate(formatTwilioDate(second * 1_000))).toBe(second * 1_000);
      }),
      { seed },
    );
    expect(parseTwilioDate("Thu, 24 Aug 2023 05:01:45 +0200")).toBe(Date.UTC(2023, 7, 24, 3, 1, 45));
    expect(parseTwilioDate("24 Aug 2023 05:01:45 -0130")).toBe(Date.UTC(2023, 7, 24, 6, 31, 45));
  });

  test.each([
    "",
    "2023-08-24T05:01:45Z",
    "Thu, 31 Feb 2023 05:01:45 +0000",
    "Thu, 24 Abc 2023 05:01:45 +0000",
    "24 Aug 2023 24:00:00 +0000",
    "1692853305",
  ])("%s is not one", (text) => {
    expect(parseTwilioDate(text)).toBeNull();
  });
});

describe("the query of a list", () => {
  test("survives its way", () => {
    const nullable = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
    const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
    const second = fc.integer({ min: 1, max: 4_000_000_000 }).map((s) => s * 1_000);
    const query: fc.Arbitrary<MessageListQuery> = fc.record({
      to: nullable(word),
      from: nullable(word),
      sentFromMs: nullable(second),
      sentBeforeMs: nullable(second),
      pageSize: fc.integer({ min: 1, max: 1_000 }),
      page: fc.nat(1_000),
      pageToken: nullable(word),
    });
    fc.assert(
      fc.property(query, (asked) => {
        expect(parseMessageList(new URLSearchParams(formatMessageList(asked)))).toEqual(asked);
      }),
      { seed },
    );
  });

  test("a day is all of it; without a page it is the first", () => {
    const fromMs = Date.UTC(2026, 0, 1);
    expect(parseMessageList(new URLSearchParams("DateSent=2026-01-01&To=%2B358401234567"))).toEqual({
      ...{ to: "+358401234567", from: null, sentFromMs: fromMs, sentBeforeMs: fromMs + 86_400_000 },
      ...{ pageSize: 50, page: 0, pageToken: null },
    });
    // as the official library writes it
    expect(parseMessageList(new URLSearchParams("DateSent%3E=2026-01-01T00%3A00%3A00Z"))?.sentFromMs).toBe(fromMs);
    expect(parseMessageList(new URLSearchParams("PageSize=5000"))?.pageSize).toBe(1_000);
  });

  test.each(["DateSent=yesterday", "DateSent>=2026-13-01", "DateSent<=2026-01-01T99:00:00Z", "PageSize=-1", "Page=x"])(
    "%s is refused",
    (query) => {
      expect(parseMessageList(new URLSearchParams(query))).toBeNull();
    },
  );
});

describe("a status callback", () => {
  test("survives its way", () => {
    const callback = {
      ...{ sid: `SM${"0".repeat(32)}`, accountSid: `AC${"a".repeat(32)}`, status: "undelivered", to: "+358401234567", from: "Oulu" },
      ...{ messagingServiceSid: null, errorCode: 30003, doneAtMs: Date.UTC(2026, 10, 30, 12, 1) },
    };
    const fields = formatStatusCallback(callback);
    expect(fieldOf(fields, "RawDlrDoneDate")).toBe("2611301201");
    expect(parseStatusCallback([...fields, ["SomethingNew", "1"]])).toEqual(callback);
  });

  test.each([
    [[]],
    [[["MessageSid", "SM1"]]],
    [
      [
        ["MessageSid", "SM1"],
        ["MessageStatus", "sent"],
      ],
    ],
  ] as [string, string][][][])("%j is not one", (fields) => {
    expect(parseStatusCallback(fields)).toBeNull();
  });

  test("an error code of 0 is none, and a date that cannot be read is none", () => {
    const fields = parseForm("MessageSid=SM1&AccountSid=AC1&MessageStatus=delivered&ErrorCode=0&RawDlrDoneDate=26x");
    expect(parseStatusCallback(fields)).toMatchObject({ errorCode: null, doneAtMs: null, to: "" });
  });
});

test("every status of ours is a word of Twilio's, which means the same", () => {
  for (const status of receiptStatuses) expect(receiptStatusOf(status)).toBe(status);
  expect(receiptStatusOf("something new")).toBeNull();
  expect(receiptStatusOf("constructor")).toBeNull();
  expect(twilioStatuses.filter((status) => isFinalStatus(status) && receiptStatusOf(status) === null)).toEqual(["received"]);
});

test("every error code of ours has a number, which means the same; memory_full is one of two", () => {
  const codes = Object.keys(carrierErrors) as CarrierErrorCode[];
  const changed = codes.filter((code) => errorCodeOf(errorNumberOf(code)) !== code);
  expect(changed).toEqual(["memory_full"]);
  expect(errorCodeOf(30022)).toBe("twilio_30022");
  expect(errorCodeOf(21610)).toBe("opted_out");
});

test.each([
  [401, null, true],
  [403, 20005, true],
  [403, null, true],
  [400, 20003, true],
  [403, 21610, false],
  [400, 21211, false],
  [400, null, false],
  [429, 20429, false],
])("HTTP %s with code %s refuses the account: %s", (status, code, isRefusal) => {
  expect(isRefusalOfAccount({ status, code })).toBe(isRefusal);
});
