// Two sweeps over every country of libphonenumber: its mobile number in every spelling is that
// number, and what is no number is none.
import { type CountryCode, getCountries, getExampleNumber, type PhoneNumber } from "libphonenumber-js/mobile";
import examples from "libphonenumber-js/mobile/examples";
import { describe, expect, it } from "vitest";
import { planOf } from "./number_plans.ts";
import { createNumberReader } from "./numbers.ts";

const countries = getCountries().flatMap((country): [CountryCode, PhoneNumber][] => {
  const example = getExampleNumber(country, examples);
  return example?.isValid() ? [[country, example]] : [];
});

/** Arabic, Persian, Devanagari, Bengali, full width. */
const zeros = [0x660, 0x6f0, 0x966, 0x9e6, 0xff10];
const inScript = (text: string, zero: number) => text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
const invisibleMarks = ["\u200b", "\u200c", "\u00ad", "\ufe0f", "\u2064", "\u180e", "\u202a", "\u2069", "\ufeff", "\u061c", "\u{e0001}"];

const shortDigits = [1, 2, 3, 4, 5].flatMap((length) =>
  Array.from({ length: 10 ** length }, (_, value) => String(value).padStart(length, "0")),
);
const prefixesByPattern = new Map<string, readonly string[]>();

/**
 * The prefixes for calls abroad that a country's pattern allows, by trying all short ones, and the
 * one that it prefers.
 */
function prefixesAbroad(country: CountryCode): string[] {
  const plan = planOf(country) as ReturnType<typeof planOf> & { defaultIDDPrefix(): string | null | undefined };
  const source = plan.IDDPrefix();
  const pattern = new RegExp(`^(?:${source})$`);
  const found = prefixesByPattern.get(source) ?? shortDigits.filter((prefix) => pattern.test(prefix));
  prefixesByPattern.set(source, found);
  const preferred = plan.defaultIDDPrefix();
  return [...found, ...(preferred ? [preferred] : [])];
}

function spellingsOf(country: CountryCode, example: PhoneNumber): string[] {
  const national = example.formatNational();
  const international = example.formatInternational();
  const e164 = example.number;
  const [first = "", ...rest] = international.split(" ");
  const bracketed = rest.length > 1 ? [`${first} (${rest[0]}) ${rest.slice(1).join(" ")}`] : [];
  const [area = "", ...groups] = national.split(" ");
  const plain = [
    e164,
    e164.slice(1),
    national,
    international,
    `00${e164.slice(1)}`,
    `+00 ${e164.slice(1)}`,
    national.replace(/\D/g, ""),
    international.replaceAll(" ", "-"),
    international.replaceAll(" ", "."),
    international.replaceAll(" ", "\u2011"),
    national.replace(/[ -]/g, "-"),
    national.replace(/[ -]/g, "."),
    national.replace(/[ -]/g, "\u2013"),
    national.replace(/ /g, "\u00a0"),
    ...(groups.length > 0 && !/[()]/.test(national) ? [`(${area}) ${groups.join(" ")}`, `（${area}）${groups.join("ー")}`] : []),
    ...bracketed,
    `${first} (0)${rest.join(" ")}`,
    `tel:${international.replaceAll(" ", "-")}`,
    `="${national}"`,
    `'${e164}`,
    `’${national}`,
    `${e164.slice(1)}.0`,
    `${national} ¹`,
    `${e164}②`,
    ...prefixesAbroad(country).map((prefix) => `${prefix} ${international.slice(1)}`),
  ];
  const marked = invisibleMarks.flatMap((mark) => [`${mark}${national}${mark}`, `${e164.slice(0, 4)}${mark}${e164.slice(4)}`]);
  const scripts = zeros.flatMap((zero) => [national, e164, international, e164.slice(1)].map((text) => inScript(text, zero)));
  return [...plain, ...marked, ...scripts];
}

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

/** Strings in forms that no phone number is written in. */
function notNumbers(): string[] {
  const dates = Array.from({ length: 84 }, (_, index) => ({
    day: 1 + ((index * 11) % 31),
    month: 1 + (index % 12),
    year: [2026, 2024, 1999, 1985][index % 4] as number,
  })).flatMap(({ day, month, year }) => [
    `${day}.${month}.${year}`,
    `${pad(day)}.${pad(month)}.${year}`,
    `${year}-${pad(month)}-${pad(day)}`,
    `${month}/${day}/${pad(year % 100)}`,
    `${pad(day)}-${pad(month)}-${year}`,
    `${year}/${pad(month)}/${pad(day)}`,
    `${day}.${month}.${pad(year % 100)}`,
    `${year}-${pad(month)}-${pad(day)} 10.30`,
  ]);
  const amounts = [7, 45, 120, 4_500, 12_345, 401_234, 4_012_345, 40_123_456, 201_555_012, 4_915_112_345].flatMap((value) => [
    `${value}.50`,
    `${value},25`,
    `${value} €`,
    `$${value}`,
    `£${value}.00`,
    `${value} EUR`,
    `${value}.1234567890`,
    `-${value}`,
    `${value}%`,
    `${value.toLocaleString("en-US")}.10`,
  ]);
  const two = [
    "0401234567, 0501234567",
    "0401234567; 0501234567",
    "+358 40 1234501 ::: +358 50 1234502",
    "0401234567 / 0501234567",
    "0401234567\n0501234567",
    "201-555-0123 or 201-555-0124",
    "+1 201 555 0123 +1 201 555 0124",
    "34412345 & 34412346",
    "12345678|12345679",
  ];
  const others = [
    [
      "aino@example.com",
      "0401234567@sms.example",
      "10:30",
      "2026-05-11T10:30",
      "id:401234567",
      "N/A",
      "#N/A",
      "#REF!",
      "none",
      "-",
      "unknown",
    ],
    [
      "ext. 12",
      "0401234567 ext 3",
      "0401234567x12",
      "phone 0401234567",
      "call 040 1234567",
      "Aino 0401234567",
      "040 123 CALL",
      "+358 four",
    ],
    [
      "192.168.1.10",
      "10.0.0.255",
      "8.8.8.8",
      "255.255.255.0",
      "172.16.254.1",
      "1.2.3",
      "1.2.3.4",
      "v2.0.1",
      "60.1699",
      "24.938379",
      "-33.8688",
    ],
    [
      "60.1699, 24.9384",
      "2024-2025",
      "1999/2000",
      "05/2026",
      "2026-05",
      "50%",
      "100 %",
      "1e6",
      "4.41E+11",
      "3,58E+11",
      "12:34:56:78",
      "::1",
    ],
    ["0402234508 / 9", "0402234512 (2)", "0402234515 [3]", "040-2234517-1", "1*2*3", "*123#", "#1", "№ 12", "§ 5", "½", "3 x 4", "a", "ä"],
    ["++358401234567", "+", "()", "(", "0401234567)", "(040 1234567", "+35840+1234567", "040..1234567", "040//1234567"],
    ["true", "false", "NULL", "nan", "Infinity", "4 500,00", "4.500,00", "4'500.00", "1/2", "3/4", "11/26", "450/000", "2024/12345"],
  ].flat();
  return [...new Set([...dates, ...amounts, ...two, ...others])];
}

describe("every country", () => {
  it("its mobile number is that number in every spelling, with that country as the default", () => {
    const wrong: string[] = [];
    let compared = 0;
    for (const [country, example] of countries) {
      const read = createNumberReader(country);
      const expected = Number(example.number.slice(1));
      for (const spelled of spellingsOf(country, example)) {
        compared++;
        const verdict = read(spelled);
        if (verdict !== expected) wrong.push(`${country} ${spelled} ${verdict}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(countries.length).toBeGreaterThan(230);
    expect(compared).toBeGreaterThan(16_000);
  });

  it("texts nobody for what is written as no number is", () => {
    const cells = notNumbers();
    expect(cells.length).toBeGreaterThanOrEqual(500);
    const texted: string[] = [];
    for (const [country] of countries) {
      const read = createNumberReader(country);
      for (const cell of cells) {
        const verdict = read(cell);
        if (typeof verdict === "number") texted.push(`${country} ${JSON.stringify(cell)} ${verdict}`);
      }
    }
    expect(texted).toEqual([]);
  });
});
