// verify:model: explores the protocol in every scope, and without each of its guards. Called by
// commands/model.ts, by verify:mutants and by a test.
import type { GuardName } from "../mutants/list.ts";
import { createDoubtModel, type DoubtScope } from "./doubt/doubt_model.ts";
import { type Counterexample, type Exploration, explore } from "./explore.ts";
import { createProtocol, type Scope } from "./protocol.ts";
import { quickScopes } from "./scopes.ts";

/**
 * Guards whose loss the model detects: the others are below its level (locks, encodings, time, the
 * databases' own rules), and tests catch them.
 */
export const modelledGuards = [
  "run_when_priced",
  "final_state",
  "upward",
  "sent_mark",
  "implied_sent",
  "outbox_with_the_move",
  "refused_receipt_kept",
  "commit_before_2xx",
  "intent",
  "intent_attempt",
  "untouched_only",
  "cancel_above_intent",
  "cancel_raises_attempt",
  "expiry_horizon",
  "journaled_verdict",
  "first_verdict_repeated",
  "run_once",
  "used_hold_kept",
  "hold_once",
  "refusal_kept",
  "tombstone",
  "release_once",
  "ledger_once",
  "release_after_confirmations",
] as const satisfies readonly GuardName[];

export interface ScopeResult extends Exploration {
  scope: string;
}

export interface ModelReport {
  held: boolean;
  scopes: ScopeResult[];
  states: number;
  seconds: number;
}

/** @param doubts scopes of the second model: links to carriers that would send again */
export function checkModel(
  scopes: readonly Scope[],
  doubts: readonly DoubtScope[] = [],
  onScope: (result: ScopeResult) => void = () => {},
): ModelReport {
  const explorations = [
    ...scopes.map((scope) => ({ scope: scope.name, run: () => explore(createProtocol(scope)) })),
    ...doubts.map((scope) => ({ scope: scope.name, run: () => explore(createDoubtModel(scope)) })),
  ];
  const results = explorations.map(({ scope, run }) => {
    const result = { scope, ...run() };
    onScope(result);
    return result;
  });
  return {
    held: results.every(({ counterexample, ends }) => counterexample === null && ends > 0),
    scopes: results,
    states: results.reduce((sum, { states }) => sum + states, 0),
    seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/**
 * A shortest trace to a failure of the protocol without this guard; null: the quick scopes hold
 * without it.
 */
export function findCounterexample(without: GuardName): Counterexample | null {
  for (const scope of quickScopes) {
    const { counterexample } = explore(createProtocol(scope, without));
    if (counterexample !== null) return counterexample;
  }
  return null;
}
