// Submitting in the model: lease, intent, body, answers; cancel; and what happens to a worker.
// (src/campaign/dispatch/chunk_leases.ts, dispatch.ts, cancel.ts)
import { rest } from "./credit_steps.ts";
import { moveMessage, takeBody } from "./message_moves.ts";
import { type Records, rowBits, type World } from "./world.ts";

export function dispatchSteps(world: World): void {
  const { now } = world;
  for (let w = 0; w < world.size.workers; w++) {
    const worker = now.worker(w);
    const campaign = now.campaign(worker.campaign);
    switch (worker.doing) {
      case "nothing":
        for (let c = 0; c < world.size.campaigns; c++) lease(world, now, w, c);
        break;
      case "leased":
        if (!world.has("intent"))
          world.step(
            () => `worker: begins a body without an intent`,
            (next) => {
              next.worker(w).doing = "meant";
            },
          );
        else if (campaign.status === "running" || !world.has("intent_running")) {
          world.step(
            () => `worker: its intent reads that campaign ${worker.campaign + 1} runs`,
            (next) => {
              next.worker(w).doing = "intends";
            },
          );
        } else
          world.step(
            () => `worker: its campaign does not run, gives the chunk back`,
            (next) => releaseChunk(next, w),
          );
        break;
      case "intends":
        world.step(
          () => `worker: its intent gets the chunk's lock (S7a)`,
          (next) => intend(world, next, w),
        );
        break;
      case "meant":
        takeBody(
          world,
          worker.campaign,
          worker.rows,
          () => "carrier: has the worker's body, answers",
          (next, rejected) => {
            Object.assign(next.worker(w), { doing: "answered", rejected });
          },
        );
        world.chance(
          "refusals",
          () => `worker: cannot connect to the carrier, tries again`,
          (next) => {
            Object.assign(next.worker(w), { doing: "leased", isFirstTry: false });
          },
        );
        world.chance(
          "silences",
          () => `worker: no answer from the carrier, tries again; the body is still in flight`,
          (next) => {
            next.campaign(worker.campaign).strayBody |= worker.rows;
            tryAgain(world, next, w);
          },
        );
        world.chance(
          "silences",
          () => `worker: no answer from the carrier, tries again; the body is lost`,
          (next) => tryAgain(world, next, w),
        );
        break;
      case "answered":
        world.step(
          () => `worker: records the answers (S8)`,
          (next) => recordAnswers(world, next, w),
        );
        break;
    }
    crash(world, now, w);
  }
  for (let c = 0; c < world.size.campaigns; c++) chunkSteps(world, now, c);
}

/** S6. The rows of the body are read once, after the lease. */
function lease(world: World, now: Records, w: number, c: number): void {
  const { status, chunk, isLeaseDead } = now.campaign(c);
  if (status !== "running" || chunk === "done" || (chunk === "leased" && !isLeaseDead)) return;
  world.step(
    () => `worker: leases the chunk of campaign ${c + 1} (S6)`,
    (next) => {
      for (const other of next.state.workers) if (other.campaign === c) Object.assign(other, { isOwner: false, isAttempt: false });
      Object.assign(next.campaign(c), { chunk: "leased", isLeaseDead: false });
      const rows = next.messages(c).reduce((bits, { status: is }, row) => (is === "pending" ? bits | (1 << row) : bits), 0);
      const isWorkLeft = rows > 0;
      Object.assign(next.worker(w), {
        doing: isWorkLeft ? "leased" : "answered",
        campaign: c,
        rows,
        isOwner: true,
        isAttempt: true,
        isFirstTry: true,
      });
    },
  );
}

/** S7a, once it has the chunk's lock. The campaign was read before. */
function intend(world: World, next: Records, w: number): void {
  const worker = next.worker(w);
  const campaign = next.campaign(worker.campaign);
  const isLeaseMine = (worker.isOwner && !campaign.isLeaseDead) || !world.has("intent_lease");
  const isAttemptMine = worker.isAttempt || !world.has("intent_attempt");
  if (campaign.chunk !== "leased" || !isLeaseMine || !isAttemptMine) {
    releaseChunk(next, w);
    return;
  }
  if (worker.isFirstTry) worker.isUntouched = !campaign.isMeant;
  campaign.isMeant = true;
  worker.doing = "meant";
}

function tryAgain(world: World, next: Records, w: number): void {
  const worker = next.worker(w);
  if (world.has("untouched_only")) worker.isUntouched = false;
  Object.assign(worker, { doing: "leased", isFirstTry: false });
}

/** S8. Whoever holds the lease by now: facts are merged. */
function recordAnswers(world: World, next: Records, w: number): void {
  const worker = next.worker(w);
  const campaign = next.campaign(worker.campaign);
  for (const row of rowBits(worker.rows)) {
    const isRejected = (worker.rejected & (1 << row)) !== 0;
    moveMessage(world, next, worker.campaign, row, isRejected ? "failed" : "queued");
  }
  const isPending = next.messages(worker.campaign).some(({ status }) => status === "pending");
  if (campaign.chunk === "leased" && worker.isOwner && worker.isAttempt && !isPending) {
    Object.assign(campaign, { chunk: "done", isLeaseDead: false });
    rest(next, w);
  } else {
    worker.isUntouched = false;
    releaseChunk(next, w);
  }
}

/** Even when a cancel has raised the attempt: the lease is the same. */
function releaseChunk(next: Records, w: number): void {
  const { campaign: c, isOwner, isUntouched } = next.worker(w);
  const campaign = next.campaign(c);
  if (isOwner && campaign.chunk === "leased") {
    Object.assign(campaign, { chunk: "open", isLeaseDead: false });
    if (isUntouched) campaign.isMeant = false;
  }
  rest(next, w);
}

function crash(world: World, now: Records, w: number): void {
  const { doing, crashesLeft, campaign, run, rows } = now.worker(w);
  if (doing === "nothing" || crashesLeft === 0) return;
  world.chance(
    "crashes",
    () => `worker: killed (${doing})`,
    (next) => die(next, w),
  );
  if (doing === "meant") {
    world.chance(
      "crashes",
      () => "worker: killed, its body is still in flight",
      (next) => {
        die(next, w);
        next.campaign(campaign).strayBody |= rows;
      },
    );
  }
  if (doing === "asks_credit") {
    world.chance(
      "crashes",
      () => "worker: killed, its reserve is still in flight",
      (next) => {
        die(next, w);
        next.campaign(campaign).strayReserves |= 1 << run;
      },
    );
  }
}

function die(next: Records, w: number): void {
  rest(next, w);
  next.worker(w).crashesLeft = Math.max(0, next.worker(w).crashesLeft - 1);
}

function chunkSteps(world: World, now: Records, c: number): void {
  const { status, chunk, isLeaseDead, strayBody } = now.campaign(c);
  if (strayBody > 0) {
    takeBody(
      world,
      c,
      strayBody,
      () => `carrier: has a late body of campaign ${c + 1}, nobody waits for its answer`,
      (next) => {
        next.campaign(c).strayBody = 0;
      },
    );
  }
  if (chunk === "leased" && !isLeaseDead) {
    const description = () => `the lease of campaign ${c + 1}'s chunk expires`;
    const isHeld = now.state.workers.some(({ doing, campaign, isOwner }) => doing !== "nothing" && campaign === c && isOwner);
    if (isHeld)
      world.chance(
        "leasesPassed",
        () => `${description()}, its worker is frozen`,
        (next) => {
          next.campaign(c).isLeaseDead = true;
        },
      );
    else
      world.step(description, (next) => {
        next.campaign(c).isLeaseDead = true;
      });
  }
  if (status === "canceling" && chunk !== "done") {
    const isWorkerIdle = now.state.workers.some(({ doing }) => doing === "nothing");
    if (isWorkerIdle)
      world.step(
        () => `sales_worker: cancels what it can of campaign ${c + 1}`,
        (next) => cancelStep(world, next, c),
      );
  }
}

/** Under the locks of campaign and chunk. */
function cancelStep(world: World, next: Records, c: number): void {
  const campaign = next.campaign(c);
  if (world.has("cancel_raises_attempt")) for (const worker of next.state.workers) if (worker.campaign === c) worker.isAttempt = false;
  const isHeld = campaign.chunk === "leased" && !campaign.isLeaseDead;
  const isMeant = campaign.isMeant && world.has("cancel_above_intent");
  for (const message of next.messages(c)) {
    if (message.status !== "pending") continue;
    if (!isMeant) message.status = "canceled";
    else if (!isHeld) message.status = "unknown";
  }
  if (!isHeld) Object.assign(campaign, { chunk: "done", isLeaseDead: false });
}
