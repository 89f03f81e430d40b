// The contacts that large runs text: all different, all of Finland, on disk and never in memory.
import { existsSync, readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { createNumberReader } from "../../../src/sms/numbers.ts";
import { contactsMax, msisdnOf, openContactFiles } from "./contact_files.ts";

const files = openContactFiles();
afterAll(() => files.remove());

test("contacts are different mobile numbers of Finland, also where one prefix ends and the next begins", () => {
  const read = createNumberReader("FI");
  const borders = Array.from({ length: contactsMax / 10_000_000 + 1 }, (_, prefix) => prefix * 10_000_000);
  const places = borders.flatMap((border) => Array.from({ length: 1_000 }, (_, index) => border - 500 + index));
  const asked = places.filter((place) => place >= 0 && place < contactsMax);
  const msisdns = asked.map(msisdnOf);
  expect(new Set(msisdns).size).toBe(asked.length);
  for (const msisdn of msisdns) expect(read(`+${msisdn}`), String(msisdn)).toBe(msisdn);
});

test("a file has its head and each contact once, also when it is written in several pieces", () => {
  const contacts = 45_001;
  const [head, ...rows] = readFileSync(files.of(contacts), "utf8").trimEnd().split("\n");
  expect(head).toBe("first_name,phone");
  expect(rows).toEqual(Array.from({ length: contacts }, (_, index) => `Student ${index + 1},+${msisdnOf(index)}`));
});

test("nothing stays behind", () => {
  const other = openContactFiles();
  other.of(1);
  expect(existsSync(other.folder)).toBe(true);
  other.remove();
  expect(existsSync(other.folder)).toBe(false);
});
