import { expect, it } from "vitest";
import { type SmppStatusMeaning, smppStatusMeanings } from "../../contracts/carriers.ts";
import { statuses } from "../../protocols/smpp/constants.ts";
import { bindRefusal, errorCodeOf, meaningOf } from "./statuses.ts";

it("a status means what carriers usually mean by it; whatever is not listed refuses the message", () => {
  const all = [...Object.values(statuses), 0x410];
  const thatMean = (meaning: SmppStatusMeaning) => all.filter((status) => meaningOf(status, {}) === meaning);
  expect(thatMean("accepted")).toEqual([0x00]);
  expect(thatMean("throttled")).toEqual([0x14, 0x58]);
  expect(thatMean("try_later")).toEqual([0x08, 0x64]);
  expect(thatMean("rebind")).toEqual([0x04]);
  expect(thatMean("stop")).toEqual([0x0d, 0x0e, 0x0f]);
  expect(thatMean("rejected")).toEqual(expect.arrayContaining([0x0a, 0x0b, 0x01, 0x33, 0x34, 0x43, 0x45, 0x61, 0x62, 0x410]));
});

it("a carrier's own meaning of a status counts first", () => {
  for (const meaning of smppStatusMeanings) expect(meaningOf(1042, { "1042": meaning })).toBe(meaning);
  expect(meaningOf(statuses.RTHROTTLED, { "88": "rejected" })).toBe("rejected");
});

it("an error code is the name of the status, or its number", () => {
  expect([0x0b, 0x412].map(errorCodeOf)).toEqual(["ESME_RINVDSTADR", "0x412"]);
});

it("a refused bind says what to do, and whether it passes", () => {
  expect(bindRefusal(statuses.RALYBND)).toEqual({
    isPassing: true,
    description: expect.stringContaining("ESME_RALYBND (0x05): as many binds"),
  });
  expect(bindRefusal(statuses.RINVPASWD).description).toContain("the password is wrong");
  expect([statuses.RSYSERR, statuses.RTHROTTLED, statuses.RINVSYSID].map((status) => bindRefusal(status).isPassing)).toEqual([
    true,
    true,
    false,
  ]);
});
