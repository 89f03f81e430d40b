// Credit in the model: commands that begin and end a campaign's run, reserve and release in ds,
// settles and their confirmation. (src/credit, src/campaign/lifecycle/reserve.ts, finish.ts,
// outbox.ts)
import { type BulksmsStatus, campaignsLeadingTo, isCampaignIn } from "../../../src/contracts/states.ts";
import type { Message } from "./state.ts";
import { runsMax } from "./state.ts";
import { hasUnconfirmed, isEnded, type Records, type World } from "./world.ts";

const leadsTo = (status: BulksmsStatus, to: BulksmsStatus) => campaignsLeadingTo(to).includes(status);

export function commandSteps(world: World): void {
  const { now } = world;
  for (let campaign = 0; campaign < world.size.campaigns; campaign++) {
    const { status, run, list } = now.campaign(campaign);
    const mayRun = leadsTo(status, "reserving") || (!world.has("run_once") && isCampaignIn("holding", status));
    // by a list that its salesapi knows, perhaps not the newest; never while it is being re-priced
    const isPriced = list > 0 || !world.has("run_when_priced");
    if (mayRun && isPriced && run < runsMax) {
      world.step(
        () => `campaign ${campaign + 1}: run ${run + 1} begins (S3)`,
        (next) => {
          Object.assign(next.campaign(campaign), { status: "reserving", run: run + 1 });
          next.hold(campaign, run + 1).amount = next.campaign(campaign).cost;
        },
      );
    }
    if (leadsTo(status, "paused"))
      world.chance(
        "pauses",
        () => `campaign ${campaign + 1}: paused`,
        (next) => {
          next.campaign(campaign).status = "paused";
        },
      );
    // a pause is always followed by a resume some day
    if (status === "paused")
      world.step(
        () => `campaign ${campaign + 1}: resumed`,
        (next) => {
          next.campaign(campaign).status = "running";
        },
      );
    if (leadsTo(status, "canceling")) {
      world.chance(
        "cancels",
        () => `campaign ${campaign + 1}: cancel commanded`,
        (next) => {
          next.campaign(campaign).status = "canceling";
        },
      );
    }
  }
  world.chance(
    "topUps",
    () => "topped up by 1",
    (next) => void next.state.available++,
  );
}

export function reserveSteps(world: World): void {
  const { now } = world;
  for (let w = 0; w < world.size.workers; w++) {
    const { doing, campaign, run } = now.worker(w);
    const what = `hold ${campaign + 1}.${run}`;
    switch (doing) {
      case "nothing":
        for (let c = 0; c < world.size.campaigns; c++) {
          if (now.campaign(c).status !== "reserving") continue;
          world.step(
            () => `worker: asks rpc for hold ${c + 1}.${now.campaign(c).run}`,
            (next) => {
              Object.assign(next.worker(w), { doing: "asks_credit", campaign: c, run: now.campaign(c).run });
            },
          );
        }
        break;
      case "asks_credit":
        world.step(
          () => `rpc: reserves ${what}, answers worker (S4)`,
          (next) => {
            next.worker(w).doing = reserveHold(world, next, campaign, run) ? "has_credit" : "was_refused";
          },
        );
        world.chance(
          "silences",
          () => `worker: rpc is silent; reserve of ${what} still under way`,
          (next) => {
            rest(next, w);
            next.campaign(campaign).strayReserves |= 1 << run;
          },
        );
        break;
      case "has_credit":
        world.step(
          () => `worker: has ${what}, and continues (S5)`,
          (next) => beginToRun(world, next, w),
        );
        break;
      case "gives_back":
        world.step(
          () => `rpc: releases ${what} for worker, which was late`,
          (next) => {
            releaseHold(world, next, campaign, run);
            rest(next, w);
          },
        );
        break;
      case "was_refused":
        world.step(
          () => `rpc: releases the refused ${what} for worker`,
          (next) => {
            releaseHold(world, next, campaign, run);
            next.worker(w).doing = "gave_back_refused";
          },
        );
        break;
      case "gave_back_refused":
        world.step(
          () => `worker: campaign ${campaign + 1} is ready again, if it still reserves ${what}`,
          (next) => {
            const row = next.campaign(campaign);
            if (row.status === "reserving" && row.run === run) row.status = "ready";
            rest(next, w);
          },
        );
        break;
    }
  }
  for (let c = 0; c < world.size.campaigns; c++) {
    for (let run = 1; run <= runsMax; run++) {
      if ((now.campaign(c).strayReserves & (1 << run)) === 0) continue;
      world.step(
        () => `rpc: reserves hold ${c + 1}.${run}, but nobody waits for its answer`,
        (next) => {
          next.campaign(c).strayReserves &= ~(1 << run);
          reserveHold(world, next, c, run);
        },
      );
    }
  }
}

/**
 * `reserving -> running`; a worker that finds another state releases the hold only when the
 * campaign never ran with it.
 */
function beginToRun(world: World, next: Records, w: number): void {
  const { campaign, run } = next.worker(w);
  const row = next.campaign(campaign);
  if (row.status === "reserving" && (row.run === run || !world.has("run_with_its_hold"))) {
    Object.assign(row, { status: "running", hasRun: true });
    rest(next, w);
    return;
  }
  const isUnused = row.run !== run || !row.hasRun;
  const givesBack = world.has("used_hold_kept") ? isUnused : row.status !== "running" || row.run !== run;
  if (givesBack) next.worker(w).doing = "gives_back";
  else rest(next, w);
}

function reserveHold(world: World, next: Records, campaign: number, run: number): boolean {
  const hold = next.hold(campaign, run);
  if (hold.state === "open") return world.has("hold_once");
  if (hold.state !== "none") return false;
  if (next.state.available < hold.amount) {
    if (world.has("refusal_kept")) hold.state = "refused";
    return false;
  }
  hold.state = "open";
  next.state.available -= hold.amount;
  return true;
}

function releaseHold(world: World, next: Records, campaign: number, run: number): void {
  const hold = next.hold(campaign, run);
  if (hold.state === "none" && world.has("tombstone")) hold.state = "tombstone";
  if (hold.state === "open" || (hold.state === "released" && !world.has("release_once"))) {
    next.state.available += hold.amount - hold.settled;
    hold.state = "released";
  }
}

export function settleSteps(world: World): void {
  const { now } = world;
  for (let c = 0; c < world.size.campaigns; c++) {
    for (let row = 0; row < world.size.messagesPerCampaign; row++) {
      const { charges, settled, confirmed, hasStrayJob } = now.message(c, row);
      const what = `the charge of message ${c + 1}.${row + 1}`;
      const isRepeat = settled > confirmed && !world.has("ledger_once");
      if (settled < charges || isRepeat) {
        world.step(
          () => `general_worker: settles ${what} (S11)`,
          (next) => settleOne(world, next, c, next.message(c, row), isRepeat),
        );
      }
      if (settled > confirmed && confirmed < charges)
        world.step(
          () => `sales_worker: confirms ${what} (S12)`,
          (next) => void next.message(c, row).confirmed++,
        );
      if (charges > 0 && !hasStrayJob) {
        world.chance(
          "strayJobs",
          () => `Redis: the job to settle ${what} stands twice in the queue`,
          (next) => {
            next.message(c, row).hasStrayJob = true;
          },
        );
      }
      if (hasStrayJob) {
        world.step(
          () => `general_worker: takes the second job to settle ${what}`,
          (next) => {
            const message = next.message(c, row);
            message.hasStrayJob = false;
            settleOne(world, next, c, message, !world.has("ledger_once"));
          },
        );
      }
    }
  }
}

/**
 * Once per id, and only from an open hold that covers it; a refused charge is parked and not
 * confirmed.
 */
function settleOne(world: World, next: Records, campaign: number, message: Message, isTwice: boolean): void {
  if (message.settled >= message.charges && !isTwice) return;
  const { run } = next.campaign(campaign);
  const hold = next.hold(campaign, run);
  if (hold.state === "open" && hold.settled + message.cost <= hold.amount) {
    hold.settled += message.cost;
    message.settled++;
  } else if (!world.has("confirm_settled_only")) {
    message.confirmed = message.charges;
  }
}

export function finishSteps(world: World): void {
  const { now } = world;
  for (let w = 0; w < world.size.workers; w++) {
    const { doing, campaign, run } = now.worker(w);
    if (doing === "nothing") for (let c = 0; c < world.size.campaigns; c++) beginToEnd(world, now, w, c);
    if (doing === "ends") {
      world.step(
        () => `rpc: releases hold ${campaign + 1}.${run} for a worker, which ends the campaign`,
        (next) => {
          if (run > 0) releaseHold(world, next, campaign, run);
          next.worker(w).doing = "has_released";
        },
      );
    }
    if (doing === "has_released") {
      world.step(
        () => `worker: campaign ${campaign + 1} has ended (S13)`,
        (next) => {
          const row = next.campaign(campaign);
          if (row.run === run && row.status === "settling") row.status = "finished";
          if (row.run === run && row.status === "canceling") row.status = "canceled";
          rest(next, w);
        },
      );
    }
  }
}

function beginToEnd(world: World, now: Records, w: number, campaign: number): void {
  const { status, run } = now.campaign(campaign);
  const isOver = isEnded(now, campaign) && (!hasUnconfirmed(now, campaign) || !world.has("release_after_confirmations"));
  if (status !== "settling" && !(isCampaignIn("open", status) && isOver)) return;
  world.step(
    () => `worker: all messages of campaign ${campaign + 1} have ended and are paid for: settling`,
    (next) => {
      if (status !== "canceling") next.campaign(campaign).status = "settling";
      Object.assign(next.worker(w), { doing: "ends", campaign, run });
    },
  );
}

/** The worker has nothing in progress any more. */
export function rest(next: Records, w: number): void {
  Object.assign(next.worker(w), {
    doing: "nothing",
    campaign: 0,
    run: 0,
    rows: 0,
    rejected: 0,
    isOwner: false,
    isAttempt: false,
    isFirstTry: false,
    isUntouched: false,
  });
}
