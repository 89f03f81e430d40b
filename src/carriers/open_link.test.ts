import { expect, test } from "vitest";
import { carrierSettings } from "../contracts/carriers.ts";
import { shareOf } from "./open_link.ts";

test.each([
  [100, 1, 100],
  [100, 4, 25],
  [0.1, 2, 0.05],
])("of %f parts a second over %i links each has %f, and a window of its own", (partsPerSecond, links, share) => {
  const settings = carrierSettings.parse({
    protocol: "smpp",
    host: "smpp.example",
    port: 2775,
    system_id: "oulu",
    window: 7,
    parts_per_second: partsPerSecond,
    links,
  });
  expect(shareOf(settings)).toEqual({ ...settings, parts_per_second: share });
});
