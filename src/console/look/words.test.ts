import { expect, test } from "vitest";
import { importEndNames } from "../../contracts/import_ends.ts";
import { campaignWords, carrierWords, creditsOf, milliOf, sendingWords, showCredits, showSeconds, showSince } from "./words.ts";

test.each([
  ["0", "0.0"],
  ["1000.0", "1,000.0"],
  ["12345.60", "12,345.6"],
  ["0.125", "0.125"],
  ["999999999999.999", "999,999,999,999.999"],
])("%s credits are written %s", (credits, shown) => {
  expect(showCredits(credits)).toBe(shown);
});

test("credits to thousandths and back are exact, below zero too", () => {
  for (const credits of ["0.000", "0.100", "481.900", "-3.005", "123456789012345.678"]) expect(creditsOf(milliOf(credits))).toBe(credits);
  expect(milliOf("0.1") * 3n).toBe(milliOf("0.3"));
});

test("a file that was not read to its end was not refused", () => {
  const words = (last_error: string | null) => campaignWords({ status: "import_failed", last_error }).description;
  for (const end of importEndNames) expect(words(end)).toBe("not read to its end");
  expect([words("csv_nul"), words(null)]).toEqual(["the file was refused", "the file was refused"]);
});

test("real or simulated is in the words of a carrier, and of the button that sends", () => {
  const [telia, played, simulator] = [
    { name: "telia", simulated: false },
    { name: "played", simulated: true },
    { name: "simulator", simulated: true },
  ];
  expect([telia, played, simulator].map(carrierWords)).toEqual([
    "through telia",
    "through played, simulated: no phone is reached",
    "simulated: no phone is reached",
  ]);
  expect(sendingWords(telia, 4_810)).toBe("Text 4,810 people through telia");
  expect(sendingWords(simulator, 4_810)).toBe("Simulate texting 4,810 people");
  expect(sendingWords(telia, 1, { isTestOnly: true })).toBe("Text 1 test phone through telia");
  expect(sendingWords(played, 2, { isTestOnly: true })).toBe("Simulate texting 2 test phones");
});

test("a time of another day says its day", () => {
  const [noon, evening, nextDay] = [new Date(2026, 11, 1, 12, 0, 5), new Date(2026, 11, 1, 23, 0), new Date(2026, 11, 2, 1, 0)];
  expect(showSince(noon.toISOString(), evening.getTime())).toBe("12:00:05");
  expect(showSince(noon.toISOString(), nextDay.getTime())).toBe("1 Dec, 12:00");
});

test("times are no longer than they need to be", () => {
  expect([showSeconds(0.42), showSeconds(59), showSeconds(600), showSeconds(86_400)]).toEqual(["0.4 s", "59 s", "10 min", "24.0 h"]);
});
