// Turns of the network: the steps that are due, their commit, then their receipts. They do not
// overlap: what comes due meanwhile forms the next one.
import { reachFailpoint } from "../platform/failpoint.ts";
import { coalesce } from "../platform/time/coalesce.ts";
import { nextTurn } from "../platform/time/next_turn.ts";
import { runSteps, type Step } from "./message_steps.ts";
import type { Network } from "./network.ts";
import { pushOut, releaseReceipts, tellLaterStep, tellNow } from "./receipts_out.ts";

/** Steps taken in one turn of the event loop: a few milliseconds. */
const stepsPerTurn = 4_096;

export interface Turns {
  /** Begins a turn, or another one after that under way. */
  begin(): void;
  /** Resolves when none is under way. */
  idle(): Promise<void>;
}

export function createTurns(network: Network): Turns {
  const turn = coalesce(async (key) => {
    if (network.isDraining || (await runTurn(network)) < stepsPerTurn) return;
    turn(key);
    await nextTurn();
  }, network.options.onFatal);
  return { begin: () => turn("turn"), idle: turn.idle };
}

/** @returns how many steps were due, at most `stepsPerTurn` */
async function runTurn(network: Network): Promise<number> {
  const { clock, wheel, journal, told, weather } = network;
  const now = clock.steadyMs();
  const taken = wheel.take(now, stepsPerTurn, (handle, what) => runDueStep(network, handle, what, now));
  const tellings = told.size();
  if (tellings > 0) {
    await journal.commit();
    reachFailpoint("sending_journaled");
    releaseReceipts(network, tellings);
  }
  if (weather.held() > 0) pushOut(network, weather.letOut(now));
  return taken;
}

function runDueStep(network: Network, handle: number, what: number, now: number): void {
  const open = network.journal.byHandle(handle);
  const step = what & 7;
  if (step > tellLaterStep) tellNow(network, open.segment, what >>> 3, step - tellLaterStep);
  else runSteps(network, open, what >>> 3, step as Step, now);
  open.segment.uses -= 1;
}
