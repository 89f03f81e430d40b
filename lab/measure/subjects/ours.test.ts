// What is measured is what a user gets: no setting of the product differs from its default.
import { expect, test } from "vitest";
import { settings } from "../../../src/contracts/settings.ts";
import { inBodies, measuredSettings, settingsOfMode, singly, singlyUnpipelined } from "./ours.ts";

test("only settings of the simulator, which is the outside world, are set", () => {
  const set = [measuredSettings, ...[inBodies, singly, singlyUnpipelined].map(settingsOfMode)].flatMap(Object.keys);
  expect(set.length).toBeGreaterThan(0);
  expect(set.filter((name) => !(name in settings) || !name.startsWith("BULKSMS_SIMULATOR_"))).toEqual([]);
});

test("receipts in bodies come as the simulator sends them by default", () => {
  for (const [name, value] of Object.entries(settingsOfMode(inBodies))) {
    expect(settings, name).toHaveProperty([name, "default"], Number(value));
  }
});
