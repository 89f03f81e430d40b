import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { lastingServices, planSteps } from "./kill_plan.ts";

test("every plan kills each service that compose.yaml keeps running once, and scales sales_worker out on the way", () => {
  const composeFile = readFileSync(new URL("../../../compose.yaml", import.meta.url), "utf8");
  const { services } = parse(composeFile, { merge: true }) as { services: Record<string, { restart: string }> };
  const lasting = Object.keys(services).filter((name) => services[name]?.restart === "unless-stopped");
  expect([...lastingServices].sort()).toEqual(lasting.sort());
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (seed) => {
      const steps = planSteps(seed);
      const killed = steps.filter(({ action }) => action === "kill").map(({ service }) => service);
      expect(killed.sort()).toEqual(lasting);
      const scaledAt = steps.findIndex(({ action }) => action === "scale");
      expect(scaledAt).toBeGreaterThan(0);
      expect(scaledAt).toBeLessThan(steps.length - 1);
      expect(planSteps(seed)).toEqual(steps);
    }),
  );
});

test("seeds choose different orders", () => {
  const orders = new Set(
    Array.from({ length: 50 }, (_, seed) =>
      planSteps(seed)
        .map(({ service }) => service)
        .join(" "),
    ),
  );
  expect(orders.size).toBeGreaterThan(40);
});
