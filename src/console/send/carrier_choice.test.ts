// Which carrier and sender the page would send with: real or simulated is always said, and nothing
// of a real one is guessed.
import { describe, expect, test } from "vitest";
import type { CarrierChoice } from "../../contracts/carriers.ts";
import { carrierObstacle, carrierOf, mustChooseCarrier, reachOf, senderOf } from "./carrier_choice.ts";

const simulator: CarrierChoice = { name: "simulator", simulated: true, state: "live", senders: null, countries: null };
const telia: CarrierChoice = { name: "telia", simulated: false, state: "live", senders: ["Oulu", "Turku"], countries: ["FI", "SE"] };
const played: CarrierChoice = { name: "played", simulated: true, state: "test_only", senders: null, countries: null };
const all = { carriers: [simulator, played, telia], default: "simulator" };

describe("the carrier", () => {
  test("is the default until another is chosen", () => {
    expect(carrierOf(all, null)).toBe(simulator);
    expect(carrierOf({ ...all, default: "telia" }, null)).toBe(telia);
    expect(carrierOf(all, "telia")).toBe(telia);
  });

  test("is none when the default is paused, whatever else there is: it must be chosen", () => {
    const paused = { carriers: [simulator], default: "telia" };
    expect(carrierOf(paused, null)).toBeNull();
    expect(mustChooseCarrier(paused, null)).toBe(true);
    expect(carrierObstacle(paused, null, "")).toBe("Choose a carrier first: telia, the usual one, takes no campaigns at the moment.");
    expect(carrierOf(paused, "simulator")).toBe(simulator);
    expect(carrierOf(all, "gone")).toBeNull();
  });

  test("is not asked for where there is only one", () => {
    expect(mustChooseCarrier({ carriers: [simulator], default: "simulator" }, simulator)).toBe(false);
    expect(mustChooseCarrier(all, simulator)).toBe(true);
  });

  test("says whom it reaches", () => {
    expect(reachOf(simulator)).toEqual(["Simulated: no phone is reached."]);
    expect(reachOf(telia)).toEqual(["Real: phones are texted through telia, for money.", "It sends to Finland and Sweden."]);
    expect(reachOf(played)).toEqual([
      "Simulated: no phone is reached.",
      "played is only tested: its test phones are texted, and nobody else.",
    ]);
  });
});

describe("the sender", () => {
  test("of a list is chosen, never the first, nor what another carrier had", () => {
    expect(senderOf(telia, { free: "Oulu", listed: null })).toBe("");
    expect(senderOf(telia, { free: "bulksms", listed: "Turku" })).toBe("Turku");
    expect(senderOf(telia, { free: "bulksms", listed: "Vantaa" })).toBe("");
    expect(senderOf({ ...telia, senders: ["Oulu"] }, { free: "bulksms", listed: null })).toBe("");
    expect(senderOf(simulator, { free: " bulksms ", listed: "Turku" })).toBe("bulksms");
  });

  test.each([
    [telia, "Oulu", null],
    [telia, "", "Choose a sender first: telia has no usual one."],
    [{ ...telia, senders: [] }, "", "telia has no senders yet: whoever runs this installation adds them."],
    [simulator, "bulksms", null],
    [simulator, "", "Name a sender first."],
    [simulator, "much too long a name", "A sender has up to 15 digits, or up to 11 letters, digits, spaces and & . _ - + !"],
  ])("of %o that is %s: %s", (carrier, sender, obstacle) => {
    expect(carrierObstacle(all, carrier, sender)).toBe(obstacle);
  });
});
