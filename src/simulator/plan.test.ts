import { describe, expect, test } from "vitest";
import { carrierErrors } from "../contracts/receipts.ts";
import { forcedOutcomeOf, forcedOutcomes } from "./forced_outcomes.ts";
import { delaysOf, type Fate, fateOf } from "./plan.ts";
import { rejectedCauses, simulatorProfiles, undeliveredCauses } from "./profiles.ts";
import { chanceStream, draw } from "./random.ts";

const batchId = "0192f0c1-2345-7abc-8def-0123456789ab";
const rows = 100_000;

function fatesOf(name: keyof typeof simulatorProfiles, seed = 7): Fate[] {
  const stream = chanceStream(seed, batchId);
  return Array.from({ length: rows }, (_, row) => fateOf(simulatorProfiles[name], stream, row + 1, 0));
}

const shareOf = (fates: readonly Fate[], is: (fate: Fate) => boolean): number => fates.filter(is).length / fates.length;

test("the same seed, profile and reference always come to the same fate and delays", () => {
  const profile = simulatorProfiles.typical;
  for (let row = 1; row <= 1_000; row++) {
    const first = fateOf(profile, chanceStream(7, batchId), row, 0);
    const again = fateOf(profile, chanceStream(7, batchId), row, 0);
    expect(again).toEqual(first);
    expect(delaysOf(profile, chanceStream(7, batchId), row, again)).toEqual(delaysOf(profile, chanceStream(7, batchId), row, first));
  }
});

test("the plan of known references does not change between versions", () => {
  const stream = chanceStream(7, batchId);
  expect([1, 2, 3, 2_147_483_647].map((row) => Math.floor(draw(stream, row, 0) * 1e6))).toEqual([353929, 533447, 270353, 447796]);
});

test("another seed or another batch comes to other fates", () => {
  const ends = (fates: Fate[]): string => fates.map(({ end }) => end[0]).join("");
  const first = ends(fatesOf("typical", 7));
  expect(ends(fatesOf("typical", 8))).not.toBe(first);
  const other = chanceStream(7, "0192f0c1-2345-7abc-8def-0123456789ac");
  const drawn = (stream: ReturnType<typeof chanceStream>) => Array.from({ length: 50 }, (_, row) => draw(stream, row, 0) > 0.5);
  expect(drawn(other)).not.toEqual(drawn(chanceStream(7, batchId)));
});

test("draws are even, and rows and purposes independent of each other", () => {
  const stream = chanceStream(7, batchId);
  const cells = new Array<number>(100).fill(0);
  for (let row = 0; row < rows; row++) {
    const cell = Math.floor(draw(stream, row, 0) * 10) * 10 + Math.floor(draw(stream, row, 1) * 10);
    cells[cell] = (cells[cell] as number) + 1;
  }
  // chi-square over 100 cells: 99 degrees of freedom, 148 is beyond 99.9 %
  const expected = rows / cells.length;
  const chiSquare = cells.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(chiSquare).toBeLessThan(160);
});

describe.each(Object.keys(simulatorProfiles) as (keyof typeof simulatorProfiles)[])("profile %s", (name) => {
  const profile = simulatorProfiles[name];
  const fates = fatesOf(name);

  test("mixes outcomes as its table says", () => {
    const { mix } = profile;
    expect(mix.delivered + mix.undelivered + mix.rejected + mix.never).toBeCloseTo(1, 9);
    const near = (share: number, is: (fate: Fate) => boolean): void => {
      // five standard deviations
      expect(Math.abs(shareOf(fates, is) - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / rows) + 1e-9);
    };
    near(mix.delivered, ({ end }) => end === "delivered");
    near(mix.undelivered, ({ end }) => end === "undelivered");
    near(mix.rejected, ({ end }) => end === "rejected" || end === "failed");
    near(mix.never, ({ end }) => end === "never");
    near(profile.earlyShare, ({ isEarly }) => isEarly);
    near(profile.duplicateShare, ({ duplicateNo }) => duplicateNo > 0);
    near(profile.reorderedShare, ({ reorderedNo }) => reorderedNo > 0);
    near(profile.unreachableShare * mix.delivered, ({ end, retries }) => end === "delivered" && retries > 0);
  });

  test("lets things happen in order, within its limit", () => {
    const stream = chanceStream(7, batchId);
    const { endWithinMs } = profile;
    const wrong = fates.slice(0, 20_000).filter((fate, at) => {
      const { queuedMs, sentMs, endedMs, duplicateMs } = delaysOf(profile, stream, at + 1, fate);
      const isInOrder = queuedMs > 0 && queuedMs <= sentMs && sentMs <= endedMs && (fate.duplicateNo === 0 || duplicateMs > sentMs);
      return !isInOrder || (endWithinMs !== null && endedMs > endWithinMs);
    });
    expect(wrong).toEqual([]);
  });
});

test("typical delivers a reachable phone in 4 s as a median, 12 s at the 95th percentile", () => {
  const profile = simulatorProfiles.typical;
  const stream = chanceStream(7, batchId);
  const delays = fatesOf("typical")
    .map((fate, at) => ({ fate, ...delaysOf(profile, stream, at + 1, fate) }))
    .filter(({ fate }) => fate.end === "delivered" && fate.retries === 0)
    .map(({ sentMs, endedMs }) => endedMs - sentMs)
    .sort((a, b) => a - b);
  const quantile = (share: number): number => delays[Math.floor(share * delays.length)] as number;
  expect(quantile(0.5) / 4_000).toBeCloseTo(1, 1);
  expect(quantile(0.95) / 12_000).toBeCloseTo(1, 1);
  expect(quantile(0.99) / 19_000).toBeCloseTo(1, 1);
});

test("demo goes out evenly and has ended, doubles too, before the campaign's deadline of 45 s", () => {
  const profile = simulatorProfiles.demo;
  const stream = chanceStream(7, batchId);
  const fates = fatesOf("demo").slice(0, 5_000);
  const delays = fates.map((fate, at) => delaysOf(profile, stream, at + 1, fate));
  const sentByHalf = delays.filter(({ sentMs }) => sentMs < 15_500).length / delays.length;
  expect(sentByHalf).toBeCloseTo(0.5, 1);
  expect(Math.max(...delays.map(({ endedMs, duplicateMs }) => Math.max(endedMs, duplicateMs)))).toBeLessThan(45_000);
  expect(shareOf(fates, ({ end }) => end === "never")).toBeGreaterThan(0);
});

test("answered leaves no message without an end and tells each receipt once and in order", () => {
  const fates = fatesOf("answered");
  const odd = fates.filter(
    ({ end, duplicateNo, reorderedNo, isEarly }) => end === "never" || duplicateNo > 0 || reorderedNo > 0 || isEarly,
  );
  expect(odd).toEqual([]);
});

test("causes weigh 100 together and are known to the contract, a refusal never as undelivered", () => {
  for (const causes of [rejectedCauses, undeliveredCauses]) expect(causes.reduce((sum, { weight }) => sum + weight, 0)).toBe(100);
  for (const { code } of rejectedCauses) expect(carrierErrors[code].status).toBe("failed");
  for (const { code } of undeliveredCauses) expect(carrierErrors[code].status).toBe("undelivered");
});

describe("a number that no operator assigns", () => {
  test("ends as the last two digits of its block say, in every profile", () => {
    for (const outcome of forcedOutcomes) {
      for (const to of [`+467017406${outcome.digits}`, `+120255501${outcome.digits}`, `+4477009001${outcome.digits}`]) {
        const fate = fateOf(simulatorProfiles["dirty-list"], chanceStream(7, batchId), 1, forcedOutcomeOf(to));
        expect([to, fate.end, fate.code]).toEqual([to, outcome.end, outcome.code]);
      }
    }
  });

  test("is the only kind that is forced", () => {
    for (const to of ["+358401234510", "+46701750610", "+12025560110", "+447701900110", "+467017406101", "+46701740601"]) {
      expect([to, forcedOutcomeOf(to)]).toEqual([to, 0]);
    }
  });

  test("no two outcomes share their digits", () => {
    expect(new Set(forcedOutcomes.map(({ digits }) => digits)).size).toBe(forcedOutcomes.length);
  });
});
