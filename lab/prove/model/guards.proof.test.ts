// The model notices the loss of each guard that it has.
import { expect, test, vi } from "vitest";
import { findCounterexample, modelledGuards } from "./check_model.ts";

// a few seconds of CPU, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000 });

test.each(modelledGuards)("the protocol does not hold without %s", (guard) => {
  expect(findCounterexample(guard)).not.toBeNull();
});
