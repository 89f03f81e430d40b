// What the page of carriers says: states and limits in words, and what each step would mean.
import { describe, expect, test } from "vitest";
import { type InstalledCarrier, smppSettings, twilioSettings } from "../../contracts/carriers.ts";
import { showTime } from "../look/words.ts";
import {
  accountWords,
  boundWords,
  destinationWords,
  type Link,
  limitWords,
  linkWords,
  proposalWords,
  readPhone,
  restWords,
  stepsOf,
} from "./carrier_words.ts";

const at = "2026-12-01T12:00:05.000Z";
const settings = smppSettings.parse({ protocol: "smpp", host: "smpp.example", port: 3550, tls: "verify", system_id: "oulu", links: 2 });
const carrier: InstalledCarrier = {
  ...{ name: "telia", state: "test_only", simulated: false, settings, senders: ["Oulu"], countries: ["SE"], test_phones: [], links: [] },
  ...{ rests: null, in_doubt: 0, receipts_waiting: 0, proposed_receipt_ids: null },
  ...{ last_error: null, last_error_at: null, created_at: at, version: 1 },
};
const link = (state: string, more: Partial<Link> = {}): Link => ({
  ...{ slot: 1, state, description: "", changed_at: at, waits_until: null },
  ...more,
});

test("an account is said without its secret, limits with their units", () => {
  expect(accountWords(settings)).toBe("SMPP · oulu at smpp.example:3550 · TLS");
  expect(accountWords({ ...settings, tls: "off" })).toBe("SMPP · oulu at smpp.example:3550 · without TLS");
  expect(accountWords(twilioSettings.parse({ protocol: "twilio", account_sid: "AC1" }))).toBe("Twilio · account AC1 · api.twilio.com");
  expect(limitWords({ ...settings, window: 1_000, parts_per_second: 2_000 })).toBe("2,000 parts a second over 2 links · window 1,000 each");
  expect(limitWords({ ...settings, links: 1, parts_per_second: 1 })).toBe("1 part a second over 1 link · window 10");
});

describe("a link", () => {
  test.each([
    [link("bound"), true, "bound", "delivered"],
    [link("connecting"), true, "connecting", "flying"],
    [
      link("resting", { description: "the carrier throttles", waits_until: at }),
      true,
      `resting until ${showTime(at)}: the carrier throttles`,
      "waiting",
    ],
    [
      link("over", { description: "wrong password", waits_until: at }),
      true,
      `closed: wrong password · opens again at ${showTime(at)}`,
      "failed",
    ],
    [link("over", { description: "closed by us" }), false, "closed: closed by us", "waiting"],
    [link("dreaming"), true, "dreaming", "waiting"],
  ])("%o is said as it is", (shown, isOpen, words, meaning) => {
    expect(linkWords(shown, isOpen)).toEqual({ words, meaning });
  });

  test("that is bound is counted among those that should be", () => {
    expect(boundWords({ ...carrier, links: [link("bound"), link("resting")] })).toBe("1 of 2 bound");
  });
});

test("a rest of the carrier and a better rule for its ids are said, and nothing without them", () => {
  expect([restWords(carrier), proposalWords(carrier)]).toEqual([null, null]);
  expect(restWords({ rests: { until: at, reason: "the carrier throttles" } })).toBe(
    `nothing is submitted until ${showTime(at)}: the carrier throttles`,
  );
  expect(proposalWords({ name: "telia", proposed_receipt_ids: "hex_to_dec" })?.command).toBe(
    "npx bulksms carriers ids telia --receipt-ids hex_to_dec",
  );
});

test("destinations are the installation's country and those that were added, once; of a simulated one all", () => {
  expect(destinationWords(carrier, "FI")).toBe("Finland and Sweden");
  expect(destinationWords({ ...carrier, countries: ["FI"] }, "FI")).toBe("Finland");
  expect(destinationWords({ ...carrier, simulated: true }, "FI")).toBe("every number: no phone is reached");
});

test("a phone is read as people write it, or refused in words", () => {
  expect(readPhone("040 123 4567", "FI")).toEqual({ phone: "+358401234567" });
  expect(readPhone("+46 70-174 06 10", "FI")).toEqual({ phone: "+46701740610" });
  expect(readPhone("mine", "FI")).toEqual({ problem: "letters in the number" });
  expect(readPhone("", "FI")).toEqual({ problem: "no number" });
});

describe("steps", () => {
  const wordsOf = (one: InstalledCarrier) => stepsOf(one, "FI").map(({ word, state }) => `${word}: ${state}`);

  test("are those of its state", () => {
    expect(wordsOf(carrier)).toEqual(["Make live: live", "Pause: paused", "Remove: removed"]);
    expect(wordsOf({ ...carrier, state: "live" })).toEqual(["Pause: paused", "Remove: removed"]);
    expect(wordsOf({ ...carrier, state: "paused" })).toEqual(["Back to live: live", "Remove: removed"]);
  });

  test("to live say who is texted then, where, and from whom; a pause asks nothing", () => {
    const [live, pause] = stepsOf(carrier, "FI");
    expect(live?.question?.consequences.join(" ")).toBe(
      "Every workspace can then text real people through it, for money, and not its test phones alone. Destinations: Finland and Sweden. Senders: Oulu.",
    );
    expect(pause?.question).toBeNull();
    const consequences = (more: Partial<InstalledCarrier>) => stepsOf({ ...carrier, ...more }, "FI")[0]?.question?.consequences.join(" ");
    expect(consequences({ simulated: true })).toContain("no phone is reached");
    expect(consequences({ simulated: null })).toContain("has not answered yet: test it first");
    expect(consequences({ senders: [] })).toContain("It has no senders yet");
  });
});
