// The protocol as a model that can be explored: its first state, its steps and its laws, in one
// scope. Called by check_model and its test.
import type { GuardName } from "../mutants/list.ts";
import { commandSteps, finishSteps, reserveSteps, settleSteps } from "./credit_steps.ts";
import { dispatchSteps } from "./dispatch_steps.ts";
import type { Model } from "./explore.ts";
import { brokenLaw, brokenStep, isOver } from "./invariants.ts";
import { priceSteps } from "./price_steps.ts";
import { receiptSteps } from "./receipt_steps.ts";
import type { Campaign, Chances, Hold, Message, Size, State, Worker } from "./state.ts";
import { createStateCodec, runsMax } from "./state.ts";
import { World } from "./world.ts";

/** The size of the explored world. */
export interface Scope extends Size {
  name: string;
  /** Credit at the start; by the first price list a message costs 1. */
  credit: number;
  crashesPerWorker: number;
  chances: Chances;
}

/** @param without the missing guard; null: the protocol as it is */
export function createProtocol(scope: Scope, without: GuardName | null = null): Model<State> {
  const size: Size = { campaigns: scope.campaigns, messagesPerCampaign: scope.messagesPerCampaign, workers: scope.workers };
  const codec = createStateCodec(size);
  return {
    initial: initialState(scope),
    ...codec,
    steps(state, take) {
      const world = new World(state, size, without, take);
      commandSteps(world);
      priceSteps(world);
      reserveSteps(world);
      dispatchSteps(world);
      receiptSteps(world);
      settleSteps(world);
      finishSteps(world);
    },
    brokenState: (state) => brokenLaw(size, state, scope.credit, scope.chances.topUps),
    brokenStep: (before, after) => brokenStep(size, before, after),
    isEnd: isOver,
  };
}

function initialState({ campaigns, messagesPerCampaign, workers, credit, crashesPerWorker, chances }: Scope): State {
  const campaign: Campaign = {
    status: "ready",
    run: 0,
    hasRun: false,
    list: 1,
    repricing: 0,
    cost: messagesPerCampaign,
    chunk: "open",
    isLeaseDead: false,
    isMeant: false,
    strayBody: 0,
    strayReserves: 0,
  };
  const hold: Hold = { state: "none", amount: 0, settled: 0 };
  const message: Message = {
    status: "pending",
    cost: 1,
    isMarkedSent: false,
    atCarrier: "nowhere",
    accepts: 0,
    owed: 0,
    answered: 0,
    kept: 0,
    charges: 0,
    settled: 0,
    confirmed: 0,
    hasStrayJob: false,
  };
  const worker: Worker = {
    doing: "nothing",
    campaign: 0,
    run: 0,
    rows: 0,
    rejected: 0,
    isOwner: false,
    isAttempt: false,
    isFirstTry: false,
    isUntouched: false,
    crashesLeft: crashesPerWorker,
  };
  const many = <Row>(count: number, row: Row): Row[] => Array.from({ length: count }, () => ({ ...row }));
  return {
    available: credit,
    list: 1,
    campaigns: many(campaigns, campaign),
    holds: many(campaigns * runsMax, hold),
    messages: many(campaigns * messagesPerCampaign, message),
    workers: many(workers, worker),
    chances: { ...chances },
    memory: { heldMessage: 0, heldReceipt: 0, heldCharge: 0 },
  };
}
