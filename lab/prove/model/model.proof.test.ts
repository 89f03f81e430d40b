// The explorer finds what is false and what is stuck; the protocol holds in its quick scopes. (That
// it does not without any of its guards: guards.proof.test.ts.)
import { describe, expect, test, vi } from "vitest";
import { campaignSets, campaignsLeadingTo, isCampaignIn, messageLeadsTo, messageStatuses } from "../../../src/contracts/states.ts";
import { checkModel } from "./check_model.ts";
import { explore, type Model } from "./explore.ts";
import { createProtocol, type Scope } from "./protocol.ts";
import { quickScopes } from "./scopes.ts";
import type { State } from "./state.ts";
import { noChances } from "./world.ts";

// a few seconds of CPU, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000 });

/** A counter that goes up by 1 or 3 and ends at 10; it may also fall into a pit. */
function counter(options: { falseAt?: number; pitAt?: number } = {}): Model<number> {
  return {
    initial: 0,
    stateBytes: 1,
    encode: (state, into) => {
      into[0] = state;
    },
    decode: (bytes) => bytes[0] as number,
    steps(state, take) {
      if (state === options.pitAt) return;
      for (const by of [1, 3]) if (state + by <= 10) take("progress", () => `adds ${by}`, state + by);
    },
    brokenState: (state) => (state === options.falseAt ? `${state} is false` : null),
    brokenStep: () => null,
    isEnd: (state) => state === 10,
  };
}

describe("the explorer", () => {
  test("counts every state once, and each comes to its end", () => {
    expect(explore(counter())).toMatchObject({ states: 11, steps: 18, depth: 4, ends: 1, counterexample: null });
  });

  test("shows a shortest way to what is false", () => {
    expect(explore(counter({ falseAt: 7 })).counterexample).toEqual({ description: "7 is false", trace: ["adds 1", "adds 3", "adds 3"] });
  });

  test("shows a state from which nothing leads to the end", () => {
    expect(explore(counter({ pitAt: 4 })).counterexample).toMatchObject({ trace: ["adds 1", "adds 3"] });
  });
});

describe("the protocol in small", () => {
  test("holds in the quick scopes, where every state comes to its end and every transition of the contract is taken, and no other", () => {
    const seen = { messages: new Set<string>(), campaigns: new Set<string>() };
    const paused = { ...(quickScopes[0] as Scope), workers: 1, chances: { ...noChances, pauses: 1, cancels: 1 } };
    let states = 0;
    for (const scope of [...quickScopes, paused]) {
      const protocol = createProtocol(scope);
      const brokenStep = (before: State, after: State) => {
        for (const kind of ["messages", "campaigns"] as const) {
          for (const [index, { status: from }] of before[kind].entries()) {
            const to = after[kind][index]?.status;
            if (to !== from) seen[kind].add(`${from} -> ${to}`);
          }
        }
        return protocol.brokenStep(before, after);
      };
      const explored = explore({ ...protocol, brokenStep });
      expect(explored.counterexample, scope.name).toBeNull();
      states += explored.states;
    }
    expect(states).toBeGreaterThan(100_000);
    const ofMessages = messageStatuses.flatMap((from) => messageLeadsTo(from).map((to) => `${from} -> ${to}`));
    const imported = campaignSets.imported.flatMap((to) => campaignsLeadingTo(to).map((from) => ({ from, to })));
    const ofCampaigns = imported.filter(({ from }) => isCampaignIn("imported", from)).map(({ from, to }) => `${from} -> ${to}`);
    expect([...seen.messages].sort()).toEqual(ofMessages.sort());
    expect([...seen.campaigns].sort()).toEqual(ofCampaigns.sort());
  });

  test("is reported scope by scope, with the sum of their states", () => {
    const small = quickScopes.filter(({ chances }) => chances === noChances);
    const { scopes, held, states } = checkModel(small);
    expect(scopes.map(({ scope, counterexample }) => ({ scope, counterexample }))).toEqual(
      small.map(({ name }) => ({ scope: name, counterexample: null })),
    );
    expect(held).toBe(true);
    expect(states).toBe(scopes.reduce((sum, { states: ofScope }) => sum + ofScope, 0));
  });
});
