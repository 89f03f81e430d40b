import { describe, expect, test } from "vitest";
import { explore } from "../explore.ts";
import { createDoubtModel, findDoubtCounterexample, quickDoubtScopes } from "./doubt_model.ts";
import { type DoubtGuard, doubtGuards } from "./doubt_state.ts";

const twice = "row 1 was accepted twice";
const lostReceipt = "row 1 has a receipt that was acknowledged and is lost";
const brokenWithout: Record<DoubtGuard, string> = {
  doubt_window: "more than two windows are intended without a committed answer",
  doubt_on_takeover: twice,
  doubt_on_cut: twice,
  dead_link: twice,
  late_answer: "row 1 expired uncharged, though its acceptance was heard",
  receipt_after_commit: lostReceipt,
  receipt_waits: lostReceipt,
  cancel_above_link_intent: "row 1 was canceled, and the carrier has it",
  clean_release: twice,
  link_lease: twice,
};

describe("doubt in small", () => {
  test.each(quickDoubtScopes)("$name: no law breaks, and every state comes to its end", (scope) => {
    const { counterexample, ends } = explore(createDoubtModel(scope));
    expect(counterexample).toBeNull();
    expect(ends).toBeGreaterThan(0);
  });

  test.each(doubtGuards)("does not hold without %s", (guard) => {
    expect(findDoubtCounterexample(guard)?.description).toBe(brokenWithout[guard]);
  });
});
