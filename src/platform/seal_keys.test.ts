// The key file: made, read, rotated, refused.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigError } from "./config.ts";
import { addSealKey, dropOldSealKeys, makeSealKeys, openFileSeal, readSealKeys } from "./seal_keys.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bulksms-keys-"));
  file = join(folder, "carrier_keys");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("it is made once, with one key, for its owner alone", () => {
  makeSealKeys(file);
  const made = readFileSync(file, "utf8");
  makeSealKeys(file);
  expect(readFileSync(file, "utf8")).toBe(made);
  expect(readSealKeys(file)).toHaveLength(1);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["carrier_keys"]);
});

test("a new key goes first, old secrets open until the old key is dropped, without a new seal", () => {
  makeSealKeys(file);
  const { seal, open } = openFileSeal(file);
  const before = seal("password", "carrier");
  const [old] = readSealKeys(file);
  addSealKey(file);
  expect(readSealKeys(file)).toHaveLength(2);
  expect(readSealKeys(file)[1]).toEqual(old);
  expect(open(before, "carrier")).toBe("password");
  const after = seal("password", "carrier");
  dropOldSealKeys(file);
  expect(open(after, "carrier")).toBe("password");
  expect(() => open(before, "carrier")).toThrow(/not in the key file/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["carrier_keys"]);
});

test("empty lines and a carriage return at the end of a line are no keys", () => {
  const key = Buffer.alloc(32, 7).toString("base64");
  writeFileSync(file, `\n${key}\r\n\n`);
  expect(readSealKeys(file)).toEqual([Buffer.alloc(32, 7)]);
});

test.each([
  ["no key", ""],
  ["empty lines alone", "\n\n"],
  ["31 bytes", Buffer.alloc(31, 1).toString("base64")],
  ["33 bytes", Buffer.alloc(33, 1).toString("base64")],
  ["hexadecimal digits", Buffer.alloc(32, 1).toString("hex")],
  ["base64 for addresses", Buffer.alloc(32, 255).toString("base64url")],
  ["bits after the last byte", `${"A".repeat(42)}B=`],
  ["a word that is no key", "hunter2"],
  ["a good key and a bad one", `${Buffer.alloc(32, 1).toString("base64")}\nhunter2`],
  ["bytes that are no text", Buffer.from([0xff, 0x00, 0xfe])],
])("%s is refused with the setting's name, and not shown", (_, content) => {
  writeFileSync(file, content);
  const read = () => readSealKeys(file);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(/^BULKSMS_CARRIER_KEYS: /);
  expect(read).not.toThrow(/hunter2/);
});

test("a file that is not there, or is a folder, is refused with the setting's name and the reason", () => {
  expect(() => readSealKeys(file)).toThrow(/^BULKSMS_CARRIER_KEYS: .*carrier_keys cannot be read \(ENOENT\)/);
  expect(() => readSealKeys(folder)).toThrow(/EISDIR/);
  expect(() => addSealKey(file)).toThrow(ConfigError);
});
