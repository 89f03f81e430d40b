// The doubt model: its laws, its scopes, and how it is explored. Called by check_model and its
// test.
import { isMessageIn, type MessageStatus } from "../../../../src/contracts/states.ts";
import { type Counterexample, explore, type Model } from "../explore.ts";
import { createDoubtCodec, type DoubtChances, type DoubtGuard, type DoubtState, idle, type Row } from "./doubt_state.ts";
import { bitsOf, doubtSteps, window } from "./doubt_steps.ts";

export interface DoubtScope {
  name: string;
  rows: number;
  chances: DoubtChances;
}

const oneEach = { cuts: 1, crashes: 1, freezes: 1, throttles: 1, lostReceipts: 1 };

/** A few seconds together. */
export const quickDoubtScopes: readonly DoubtScope[] = [
  { name: "a link, 2 workers, 3 rows; any fault", rows: 3, chances: { ...oneEach, faults: 1, cancels: 0 } },
  {
    name: "a link, 2 workers, 3 rows; a crash or cut; cancel",
    rows: 3,
    chances: { ...oneEach, throttles: 0, lostReceipts: 0, faults: 1, cancels: 1 },
  },
  { name: "a link, 2 workers, 1 row; any 2 faults; cancel", rows: 1, chances: { ...oneEach, faults: 2, cancels: 1 } },
];

/** Up to a minute. */
export const fullDoubtScopes: readonly DoubtScope[] = [
  ...quickDoubtScopes,
  { name: "a link, 2 workers, 3 rows; any 2 faults; cancel", rows: 3, chances: { ...oneEach, faults: 2, cancels: 1 } },
];

export function createDoubtModel(scope: DoubtScope, without: DoubtGuard | null = null): Model<DoubtState> {
  const row: Row = {
    status: "pending",
    cause: "none",
    onWire: 0,
    accepts: 0,
    charges: 0,
    hasId: false,
    isHeard: false,
    receipt: "none",
    isAcknowledged: false,
  };
  return {
    initial: {
      rows: Array.from({ length: scope.rows }, () => ({ ...row })),
      chain: { isCanceling: false, linkOwner: 0, isLeaseDead: false, chunkOwner: 0, isChunkDone: false, intentTo: 0 },
      workers: [{ ...idle }, { ...idle }],
      chances: { ...scope.chances },
    },
    ...createDoubtCodec(scope.rows),
    steps: (state, take) => doubtSteps(state, without, take),
    brokenState,
    brokenStep,
    isEnd: ({ rows }) => rows.every(({ status }) => isFinal(status)),
  };
}

export function findDoubtCounterexample(without: DoubtGuard): Counterexample | null {
  for (const scope of quickDoubtScopes) {
    const { counterexample } = explore(createDoubtModel(scope, without));
    if (counterexample !== null) return counterexample;
  }
  return null;
}

const isFinal = (status: MessageStatus) => isMessageIn("final", status);

function brokenState({ rows, chain, workers }: DoubtState): string | null {
  for (const [r, row] of rows.entries()) {
    const broken = brokenRow(row);
    if (broken !== null) return `row ${r + 1} ${broken}`;
  }
  if (workers.some(({ inFlight }) => bitsOf(inFlight).length > window)) return "more than a window is in flight";
  const open = rows.filter(({ status }, r) => r < chain.intentTo && status === "pending").length;
  return open > 2 * window ? "more than two windows are intended without a committed answer" : null;
}

function brokenRow(row: Row): string | null {
  if (row.accepts > 1) return "was accepted twice";
  if (row.status === "unknown" && row.cause === "none") return "is in doubt, and no event names it";
  if (row.charges > 1) return "was charged twice";
  if (row.charges > row.accepts) return "was charged, and the carrier never accepted it";
  if (row.isAcknowledged && !["applied", "waits"].includes(row.receipt)) {
    if (row.receipt === "lost") return "has a receipt that was acknowledged and is lost";
  }
  if (row.status === "canceled" && (row.accepts > 0 || row.onWire > 0)) return "was canceled, and the carrier has it";
  if (row.status === "expired" && row.isHeard && row.charges === 0) return "expired uncharged, though its acceptance was heard";
  return null;
}

function brokenStep(before: DoubtState, after: DoubtState): string | null {
  const named = after.rows.filter(({ cause }, r) => cause !== (before.rows[r] as Row).cause);
  const bound = named.some(({ cause }) => cause === "cut") ? window : 2 * window;
  if (named.length > bound) return `a doubt event names ${named.length} rows; its bound is ${bound}`;
  for (const [r, { status }] of after.rows.entries()) {
    const was = (before.rows[r] as Row).status;
    if (isFinal(was) && was !== status) return `row ${r + 1} left its final state ${was}`;
  }
  return null;
}
