// `carriers add`: every setting has an option, and what an option may not be is refused by its
// name.
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { smppSettings, twilioSettings } from "../contracts/carriers.ts";
import { type AddedProtocol, addedProtocols, addSettingOptions, phoneOf, settingsOfOptions } from "./carrier_options.ts";
import { areLinksBound } from "./carrier_view.ts";
import { Failure } from "./failure.ts";

const schemas = { smpp: smppSettings, twilio: twilioSettings };
const parse = (protocol: AddedProtocol, ...words: string[]) => {
  const command = addSettingOptions(new Command().exitOverride(), protocol).parse(words, { from: "user" });
  return settingsOfOptions(protocol, command.opts());
};
const smpp = ["--host", "smpp.example", "--port", "2775", "--system-id", "oulu"];

test.each(addedProtocols)("every setting of %s has an option with words of its own", (protocol) => {
  const options = addSettingOptions(new Command(), protocol).options;
  const fields = Object.keys(schemas[protocol].shape).filter((field) => field !== "protocol");
  expect(options.map(({ long }) => long?.slice(2).replaceAll("-", "_"))).toEqual(fields);
  for (const { long, description } of options) expect(description, long).toMatch(/ /);
  expect(options.some(({ long }) => /password|token|secret/.test(long ?? ""))).toBe(false);
});

test("numbers, words, a switch and lists are read as settings", () => {
  const words = ["--parts-per-second", "12.5", "--receipts-by-text", "--statuses", "1042=stop, 88=throttled", "--data-coding", "3"];
  expect(parse("smpp", ...smpp, ...words)).toMatchObject({
    ...{ protocol: "smpp", host: "smpp.example", port: 2_775, system_id: "oulu", window: 10 },
    ...{ parts_per_second: 12.5, receipts_by_text: true, statuses: { 1042: "stop", 88: "throttled" }, data_coding: 3 },
  });
  expect(parse("smpp", ...smpp, "--countries-without-receipts", "IN, CN")).toMatchObject({ countries_without_receipts: ["IN", "CN"] });
  expect(parse("twilio", "--account-sid", "AC1")).toMatchObject({ protocol: "twilio", account_sid: "AC1" });
});

describe("refused by its name:", () => {
  test.each([
    ["--port", ["--port", "0"]],
    ["--port", ["--port", "1e3"]],
    ["--bind", ["--bind", "both"]],
    ["--window", ["--window", "1.5"]],
    ["--data-coding", ["--data-coding", "8"]],
    ["--statuses", ["--statuses", "1042"]],
    ["--statuses", ["--statuses", "1042=perhaps"]],
    ["--countries-without-receipts", ["--countries-without-receipts", "India"]],
    ["--charge-on", ["--receipts", "none", "--charge-on", "sent_receipt"]],
    ["--tls-ca", ["--tls-ca", "/nowhere/ca.pem"]],
  ])("%s of %s", (option, words) => {
    const read = () => parse("smpp", ...smpp, ...words);
    expect(read).toThrow(Failure);
    expect(read).toThrow(new RegExp(`^${option} `));
  });
  test.each(["--host", "--port", "--system-id"])("%s when it is missing", (option) => {
    const at = smpp.indexOf(option);
    expect(() => parse("smpp", ...smpp.slice(0, at), ...smpp.slice(at + 2))).toThrow(`${option} is missing`);
  });
});

test("a phone is read with the spaces that people write", () => {
  expect(phoneOf("+358 (40) 123-4567")).toBe("+358401234567");
});

test("links are bound when all of them are, and none is still as it was before the change", () => {
  const settings = parse("smpp", ...smpp, "--links", "2");
  const link = (slot: number, state = "bound", changed_at = "now") => ({ slot, state, description: "", changed_at, waits_until: null });
  expect(areLinksBound({ settings, links: [link(1), link(2)] }, [])).toBe(true);
  expect(areLinksBound({ settings, links: [link(1)] }, [])).toBe(false);
  expect(areLinksBound({ settings, links: [link(1), link(2, "resting")] }, [])).toBe(false);
  expect(areLinksBound({ settings, links: [link(1), link(2)] }, [link(2)])).toBe(false);
  expect(areLinksBound({ settings, links: [link(1), link(2)] }, [link(2, "bound", "before")])).toBe(true);
});
