// The steps of the doubt model: the link loop, takeover, cancel, the carrier, receipts, expiry.
// (src/campaign/links, src/campaign/lifecycle/cancel.ts) The window is 1.
import { isMessageIn, type MessageStatus, messageLeadsTo } from "../../../../src/contracts/states.ts";
import type { Take } from "../explore.ts";
import { type DoubtChances, type DoubtGuard, type DoubtState, type Holder, idle, type Row } from "./doubt_state.ts";

export const window = 1;
type Change = (next: DoubtState) => void;

export function doubtSteps(state: DoubtState, without: DoubtGuard | null, take: Take<DoubtState>): void {
  const world = new DoubtWorld(state, without, take);
  for (const w of [0, 1]) holderSteps(world, w);
  for (const [r, row] of state.rows.entries()) rowSteps(world, r, row);
  chainSteps(world);
}

class DoubtWorld {
  constructor(
    readonly now: DoubtState,
    private readonly without: DoubtGuard | null,
    private readonly take: Take<DoubtState>,
  ) {}

  has(guard: DoubtGuard): boolean {
    return guard !== this.without;
  }

  step(description: string, change: Change): void {
    const next = structuredCopy(this.now);
    change(next);
    this.take("progress", () => description, next);
  }

  chance(kind: keyof Omit<DoubtChances, "faults">, description: string, change: Change): void {
    const { chances } = this.now;
    if (chances[kind] === 0 || (kind !== "cancels" && chances.faults === 0)) return;
    const next = structuredCopy(this.now);
    next.chances[kind]--;
    if (kind !== "cancels") next.chances.faults--;
    change(next);
    this.take("chance", () => description, next);
  }
}

const structuredCopy = ({ rows, chain, workers, chances }: DoubtState): DoubtState => ({
  rows: rows.map((row) => ({ ...row })),
  chain: { ...chain },
  workers: workers.map((worker) => ({ ...worker })),
  chances: { ...chances },
});
const rowOf = (state: DoubtState, r: number) => state.rows[r] as Row;
const holderOf = (state: DoubtState, w: number) => state.workers[w] as Holder;
export const bitsOf = (bits: number): number[] => [0, 1, 2, 3].filter((r) => (bits & (1 << r)) !== 0);
const isMine = ({ chain }: DoubtState, w: number) => chain.linkOwner === w + 1 && !chain.isLeaseDead;

function holderSteps(world: DoubtWorld, w: number): void {
  const { now } = world;
  const me = holderOf(now, w);
  const name = `worker ${w + 1}`;
  if (me.doing === "nothing") {
    if (now.chain.linkOwner === 0 || now.chain.isLeaseDead) world.step(`${name}: takes the link`, (next) => takeOver(world, next, w));
    return;
  }
  const mayLease = isMine(now, w) || !world.has("link_lease");
  const { chunkOwner, isChunkDone, isCanceling } = now.chain;
  if (me.doing === "holds" && !me.hasChunk && mayLease && chunkOwner === 0 && !isChunkDone && !isCanceling)
    world.step(`${name}: leases the chunk`, (next) => {
      const waiting = next.rows.reduce((bits, { status }, r) => (status === "pending" ? bits | (1 << r) : bits), 0);
      Object.assign(holderOf(next, w), { hasChunk: true, isAttempt: true, isEnding: false, intentTo: 0, waiting });
      next.chain.chunkOwner = w + 1;
    });
  submitSteps(world, w, me, name);
  answerSteps(world, w, me, name);
  world.step(`${name}: commits`, (next) => commit(world, next, w));
  // it commits a late answer before it ends; a crash may come first
  if (me.doing === "late" && (me.accepted | me.rejected) === 0) world.step(`${name}: ends`, (next) => forget(next, w));
  if (me.doing === "holds") cutSteps(world, w, name);
  world.chance("crashes", `${name}: killed`, (next) => {
    const { accepted } = holderOf(next, w);
    for (const r of bitsOf(accepted)) rowOf(next, r).isHeard = false;
    forget(next, w);
  });
}

function submitSteps(world: DoubtWorld, w: number, me: Holder, name: string): void {
  const maySubmit = me.doing === "holds" || (me.doing === "late" && !world.has("dead_link"));
  if (!maySubmit || me.isEnding || bitsOf(me.inFlight).length >= window) return;
  const r = bitsOf(me.waiting)[0];
  if (r === undefined || r >= me.intentTo) return;
  world.step(`${name}: submits row ${r + 1}`, (next) => {
    holderOf(next, w).waiting &= ~(1 << r);
    holderOf(next, w).inFlight |= 1 << r;
    rowOf(next, r).onWire++;
  });
  // not_sent: it stays waiting, which is no step
}

/** The carrier reads what is in the socket of this worker, and its answers arrive, perhaps late. */
function answerSteps(world: DoubtWorld, w: number, me: Holder, name: string): void {
  for (const r of bitsOf(me.inFlight)) {
    const bit = 1 << r;
    const isAnswered = ((me.accepting | me.rejecting | me.resting) & bit) !== 0;
    if (!isAnswered && rowOf(world.now, r).onWire > 0) {
      const answers = (list: "accepting" | "rejecting" | "resting") => (next: DoubtState) => {
        rowOf(next, r).onWire--;
        if (list === "accepting") accept(rowOf(next, r));
        holderOf(next, w)[list] |= bit;
      };
      world.step(`carrier: accepts row ${r + 1}`, answers("accepting"));
      if (r === 0) world.step(`carrier: rejects row ${r + 1}`, answers("rejecting"));
      world.chance("throttles", `carrier: throttles row ${r + 1}`, answers("resting"));
    }
    if (!isAnswered) continue;
    world.step(`${name}: has the answer about row ${r + 1}`, (next) => {
      const holder = holderOf(next, w);
      if (holder.accepting & bit) {
        holder.accepted |= bit;
        rowOf(next, r).isHeard = true;
      } else if (holder.rejecting & bit) holder.rejected |= bit;
      else holder.waiting |= bit;
      for (const list of ["inFlight", "accepting", "rejecting", "resting"] as const) holder[list] &= ~bit;
    });
  }
}

function accept(row: Row): void {
  row.accepts++;
  if (row.receipt === "none") row.receipt = "owed";
}

function cutSteps(world: DoubtWorld, w: number, name: string): void {
  world.chance("cuts", `${name}: its link is cut, what is in the socket may still be read`, (next) => {
    holderOf(next, w).doing = "over";
  });
  world.chance("cuts", `${name}: its link is cut, what is in the socket is lost`, (next) => {
    const me = holderOf(next, w);
    for (const r of bitsOf(me.inFlight & ~me.accepting & ~me.rejecting & ~me.resting)) rowOf(next, r).onWire--;
    me.doing = "over";
  });
}

function takeOver(world: DoubtWorld, next: DoubtState, w: number): void {
  const { chain } = next;
  if (chain.linkOwner !== 0 && chain.chunkOwner === chain.linkOwner) {
    if (world.has("doubt_on_takeover")) putInDoubt(next, pendingTo(next, chain.intentTo), "crash");
    chain.chunkOwner = 0;
    for (const other of next.workers) other.isAttempt = false;
  }
  Object.assign(chain, { linkOwner: w + 1, isLeaseDead: false });
  Object.assign(holderOf(next, w), { ...idle, doing: "holds" });
}

const pendingTo = ({ rows }: DoubtState, intentTo: number) =>
  rows.reduce((bits, { status }, r) => (r < intentTo && status === "pending" ? bits | (1 << r) : bits), 0);

function putInDoubt(next: DoubtState, bits: number, cause: Row["cause"]): void {
  for (const r of bitsOf(bits)) if (rowOf(next, r).status === "pending") Object.assign(rowOf(next, r), { status: "unknown", cause });
}

/** The closed loop: answers, doubt, receipts, the next intent; then what follows from it. */
function commit(world: DoubtWorld, next: DoubtState, w: number): void {
  const me = holderOf(next, w);
  const isAlive = isMine(next, w);
  if (me.doing !== "late" || world.has("late_answer")) {
    for (const r of bitsOf(me.accepted)) {
      const row = rowOf(next, r);
      row.hasId = true;
      move(row, "sent");
      if (row.receipt === "waits") applyReceipt(row);
    }
    for (const r of bitsOf(me.rejected)) move(rowOf(next, r), "failed");
  }
  Object.assign(me, { accepted: 0, rejected: 0 });
  for (const row of next.rows) if (row.receipt === "held") storeReceipt(world, row);
  if (me.doing === "over") {
    if (isAlive && world.has("doubt_on_cut")) putInDoubt(next, me.inFlight, "cut");
    if (!world.has("doubt_on_cut")) me.waiting |= me.inFlight;
    if (isAlive) release(world, next, w);
    if (isAlive) next.chain.linkOwner = 0;
    me.doing = "late";
    return;
  }
  if (me.doing !== "holds" || !me.hasChunk) return;
  const mayIntend = (isAlive || !world.has("link_lease")) && !next.chain.isCanceling && (me.isAttempt || !world.has("link_lease"));
  if (!mayIntend) me.isEnding = true;
  if (!me.isEnding) intendNext(world, next, me);
  if (me.inFlight === 0 && (me.waiting === 0 || me.isEnding)) release(world, next, w);
  else if (me.isEnding && !world.has("clean_release")) release(world, next, w);
  if (!isAlive && me.inFlight === 0 && world.has("link_lease")) Object.assign(me, { ...idle });
}

function intendNext(world: DoubtWorld, next: DoubtState, me: Holder): void {
  const open = bitsOf(me.waiting | me.inFlight).filter((r) => r < me.intentTo).length;
  const room = world.has("doubt_window") ? 2 * window - open : next.rows.length;
  const last = bitsOf(me.waiting)
    .filter((r) => r >= me.intentTo)
    .slice(0, room)
    .at(-1);
  if (last === undefined || room <= 0) return;
  me.intentTo = last + 1;
  next.chain.intentTo = Math.max(next.chain.intentTo, me.intentTo);
}

/** The intent goes back before the first row that was certainly not sent. */
function release(world: DoubtWorld, next: DoubtState, w: number): void {
  const me = holderOf(next, w);
  const { chain } = next;
  if (me.hasChunk && chain.chunkOwner === w + 1) {
    const unsure = world.has("clean_release") ? me.waiting : me.waiting | me.inFlight;
    const first = bitsOf(unsure)[0];
    if (first !== undefined) chain.intentTo = Math.min(chain.intentTo, first);
    chain.chunkOwner = 0;
    if (!next.rows.some(({ status }) => status === "pending")) chain.isChunkDone = true;
  }
  if (world.has("dead_link") || me.doing === "holds") Object.assign(me, { waiting: 0, intentTo: 0 });
  Object.assign(me, { hasChunk: false, isEnding: false });
}

function forget(next: DoubtState, w: number): void {
  Object.assign(holderOf(next, w), { ...idle });
  for (const row of next.rows) if (row.receipt === "held") row.receipt = row.isAcknowledged ? "lost" : "owed";
}

/** Only where the table of states leads, as every statement of salesdb has it. */
function move(row: Row, to: MessageStatus): void {
  if (!messageLeadsTo(row.status).includes(to)) return;
  if (isMessageIn("charging", to) && !isMessageIn("charging", row.status)) row.charges++;
  row.status = to;
}

function applyReceipt(row: Row): void {
  move(row, "delivered");
  row.receipt = "applied";
}

function storeReceipt(world: DoubtWorld, row: Row): void {
  row.isAcknowledged = true;
  if (row.hasId) applyReceipt(row);
  else row.receipt = world.has("receipt_waits") ? "waits" : "lost";
}

function rowSteps(world: DoubtWorld, r: number, row: Row): void {
  const { workers } = world.now;
  const isAwaited = workers.some(({ inFlight }) => (inFlight & (1 << r)) !== 0);
  if (row.onWire > (isAwaited ? 1 : 0)) {
    world.step(`carrier: reads row ${r + 1} late, nobody waits for its answer`, (next) => {
      rowOf(next, r).onWire--;
      accept(rowOf(next, r));
    });
  }
  if (row.receipt === "owed") {
    if (workers.some(({ doing }) => doing === "holds"))
      world.step(`carrier: sends the receipt of row ${r + 1}`, (next) => {
        rowOf(next, r).receipt = "held";
        if (!world.has("receipt_after_commit")) rowOf(next, r).isAcknowledged = true;
      });
    world.chance("lostReceipts", `carrier: loses the receipt of row ${r + 1}`, (next) => {
      rowOf(next, r).receipt = "lost";
    });
  }
  if (row.receipt === "waits" && row.status === "unknown")
    world.step(`receipts: row ${r + 1} is the one message in doubt of that phone`, (next) => applyReceipt(rowOf(next, r)));
  const isQuiet = row.onWire === 0 && !isAwaited && row.receipt !== "owed" && row.receipt !== "held" && row.receipt !== "waits";
  const isHeld = workers.some(({ accepted, rejected }) => ((accepted | rejected) & (1 << r)) !== 0);
  // nothing is submitted after its deadline, and answers are not later than the horizon after it
  const maySend = workers.some(({ waiting, intentTo }) => (waiting & (1 << r)) !== 0 && r < intentTo);
  if (isMessageIn("submitted", row.status) && isQuiet && !isHeld && !maySend)
    world.step(`sweeper: row ${r + 1} expires`, (next) => {
      rowOf(next, r).status = "expired";
    });
}

function chainSteps(world: DoubtWorld): void {
  const { chain, workers } = world.now;
  if (!chain.isCanceling)
    world.chance("cancels", "command: cancel", (next) => {
      next.chain.isCanceling = true;
    });
  if (chain.linkOwner !== 0 && !chain.isLeaseDead) {
    const { doing } = workers[chain.linkOwner - 1] as Holder;
    const expire: Change = (next) => {
      next.chain.isLeaseDead = true;
    };
    if (doing === "nothing" || doing === "late") world.step("the link's lease runs out", expire);
    else world.chance("freezes", "the link's lease runs out, its holder is frozen", expire);
  }
  if (chain.isCanceling && !chain.isChunkDone) world.step("sales_worker: cancels what it can", (next) => cancel(world, next));
}

function cancel(world: DoubtWorld, next: DoubtState): void {
  const { chain } = next;
  for (const worker of next.workers) worker.isAttempt = false;
  const intentTo = world.has("cancel_above_link_intent") ? chain.intentTo : 0;
  for (const [r, row] of next.rows.entries()) if (r >= intentTo && row.status === "pending") row.status = "canceled";
  if (chain.chunkOwner !== 0 && !chain.isLeaseDead) return;
  putInDoubt(next, pendingTo(next, chain.intentTo), "cancel");
  Object.assign(chain, { chunkOwner: 0, isChunkDone: true });
}
