import { describe, expect, test } from "vitest";
import { explore } from "../explore.ts";
import { createDoubtModel, findDoubtCounterexample, quickDoubtScopes } from "./doubt_model.ts";
import { guards } from "./doubt_state.ts";

describe("doubt in small", () => {
  test.each(quickDoubtScopes)("$name: no law breaks, and every state comes to its end", (scope) => {
    const { counterexample, ends } = explore(createDoubtModel(scope));
    expect(counterexample).toBeNull();
    expect(ends).toBeGreaterThan(0);
  });

  test.each(guards)("does not hold without %s", (guard) => {
    expect(findDoubtCounterexample(guard)).not.toBeNull();
  });
});
