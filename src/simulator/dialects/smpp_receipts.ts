// Receipts of the SMPP dialect on their way: to a bound receiver of the account, few unanswered per
// bind, again on another bind after an error or a lost connection, for three days.
import { backoffMs } from "../../platform/time/backoff.ts";
import { statuses } from "../../protocols/smpp/constants.ts";
import type { AccountNetwork } from "../account_network.ts";
import { openReceiptQueue, type ReceiptQueue } from "./receipt_queue.ts";
import { isAskedFor, receiptPdu } from "./smpp_receipt.ts";
import type { ReceiptInFlight, SmppBind, SmppReceipts } from "./smpp_shared.ts";

const keptMs = 72 * 3_600_000;
const refusedBackoff = { firstMs: 1_000, maxMs: 60_000 };
/** Messages whose bind is remembered; those of earlier ones may take any. */
const homesMax = 100_000;

/** Of one account. */
interface Line {
  sessions: SmppBind[];
  waiting: ReceiptQueue<ReceiptInFlight>;
  homes: Map<number, SmppBind>;
}

/**
 * Gives what waits to the binds that have room.
 * @returns how many were too old to be told
 */
function forward(network: AccountNetwork, line: Line, hasRoom: HasRoom): number {
  let tooOld = 0;
  while (line.waiting.size() > 0 && line.sessions.some(hasRoom)) {
    const receipt = line.waiting.take() as ReceiptInFlight;
    const { owner, what } = receipt;
    const told = network.receipt(owner, what);
    const { account, rowNo, acceptedAtMs } = told.message;
    if (network.nowMs() - acceptedAtMs > keptMs) {
      tooOld += 1;
      network.done(owner, what, false);
      continue;
    }
    const home = line.homes.get(rowNo);
    const isElsewhere = line.sessions.length > 1 && network.isWrongBind(told);
    const session = chooseSession(line, hasRoom, home, isElsewhere ? home : receipt.refusedBy);
    session.deliver(receiptPdu(told, network.weather.of(account.name)), receipt);
    if (told.status !== "queued") line.homes.delete(rowNo);
  }
  return tooOld;
}

type HasRoom = (session: SmppBind) => boolean;

/** @param window receipts without an answer of one bind */
export function createSmppReceipts(network: AccountNetwork, window: number): SmppReceipts {
  const hasRoom: HasRoom = (session) => session.unansweredCount() < window;
  const lines = new Map<string, Line>();
  const timers = new Set<NodeJS.Timeout>();
  let pending = 0;
  let isStopping = false;

  const lineOf = (name: string): Line => {
    let line = lines.get(name);
    if (line === undefined) {
      line = { sessions: [], waiting: openReceiptQueue(), homes: new Map() };
      lines.set(name, line);
    }
    return line;
  };

  const proceed = (line: Line): void => {
    if (!isStopping) pending -= forward(network, line, hasRoom);
  };

  function again(name: string, receipt: ReceiptInFlight): void {
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        const line = lineOf(name);
        line.waiting.push(receipt);
        proceed(line);
      },
      backoffMs(refusedBackoff, receipt.attempts),
    );
    timers.add(timer);
  }

  return {
    addSession(session) {
      const line = lineOf(session.account());
      line.sessions.push(session);
      proceed(line);
    },
    removeSession(session) {
      const line = lineOf(session.account());
      line.sessions = line.sessions.filter((other) => other !== session);
      // in their order, before what came later
      line.waiting.putBack(session.unansweredReceipts());
      proceed(line);
    },
    setHome(name, rowNo, session) {
      const { homes } = lineOf(name);
      homes.set(rowNo, session);
      if (homes.size <= homesMax) return;
      for (const oldest of homes.keys()) {
        homes.delete(oldest);
        break;
      }
    },
    onAnswer(session, receipt, status) {
      const name = session.account();
      if (status === statuses.ROK) {
        pending -= 1;
        network.done(receipt.owner, receipt.what, true);
      } else {
        receipt.attempts += 1;
        receipt.refusedBy = session;
        again(name, receipt);
      }
      proceed(lineOf(name));
    },
    push(account, owner, what) {
      if (!isAskedFor(network.receipt(owner, what))) {
        network.done(owner, what, true);
        return;
      }
      pending += 1;
      lineOf(account.name).waiting.push({ owner, what, attempts: 0, refusedBy: undefined });
    },
    flush() {
      for (const line of lines.values()) if (line.waiting.size() > 0) proceed(line);
    },
    pending: () => pending,
    async stop() {
      isStopping = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** One has room. `avoided`: only if there is no other. */
function chooseSession(line: Line, hasRoom: HasRoom, home: SmppBind | undefined, avoided: SmppBind | undefined): SmppBind {
  if (home !== undefined && home !== avoided && line.sessions.includes(home) && hasRoom(home)) return home;
  const open = line.sessions.filter(hasRoom);
  // the one after the last that was used, so that all are used alike
  const chosen = open.find((session) => session !== avoided) ?? (open[0] as SmppBind);
  line.sessions = [...line.sessions.filter((session) => session !== chosen), chosen];
  return chosen;
}
