// Tells applications what became of their texts: workspaces take turns, each under a lease. A turn
// reads what is due, calls, and writes down what was acknowledged. A change is told at least once
// and in order; of several changes that wait only the newest is told. Runs in each sales_worker.
import type { CallbackBody, RecipientAnswer } from "../../contracts/messages.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { errorFields, type Log } from "../../platform/log.ts";
import type { Sql } from "../../platform/postgres.ts";
import { deadlineIn } from "../../platform/time/deadline.ts";
import { createSlots, eachInSlots } from "../../platform/time/slots.ts";
import { type CallbackLease, type DueMessage, leaseWorkspaces, readDueMessages, recordTold, type ToldMessage } from "./callback_rows.ts";

/** One attempt. Never throws. (webhooks/targets.ts) */
export type PostCallback = (
  url: string,
  webhook: { secrets: readonly string[]; id: string; text: string },
) => Promise<{ failure: string | null; retryAfterMs: number; isOriginFailing: boolean }>;

export interface CallbackLoopOptions {
  sql: Sql;
  intervalMs: number;
  /** Of the workspace, newest first. */
  secretsOf(workspaceId: string): Promise<string[]>;
  post: PostCallback;
  /** After each attempt. */
  onAttempt(failure: string | null): void;
  onGivenUp(messages: number): void;
  log: Log;
}

export interface CallbackLoop {
  /** Tells what is due now, and resolves when it is told, or has failed. For tests. */
  tellDue(): Promise<void>;
  close(): Promise<void>;
}

/** Workspaces at once: most of their time they wait for a receiver. */
const workspacesMax = 32;
/** Calls of one workspace at once. */
const callsPerWorkspaceMax = 8;
/** Messages of one turn; then the others have theirs. */
const messagesPerTurnMax = 50;
/** No call begins later in a turn. */
const beginCallsMs = 15_000;
/** One call at most: its connection and its answer. */
export const callMs = 10_000;
/** Longer than any turn: a worker that was frozen begins no call after it. */
const leaseMs = 30_000;

export function startCallbackLoop(options: CallbackLoopOptions): CallbackLoop {
  const turns = createSlots(workspacesMax);
  let timer: NodeJS.Timeout | undefined;
  let pass: Promise<void> = Promise.resolve();
  let isClosing = false;
  let isFailing = false;

  async function beginTurns(): Promise<void> {
    if (turns.isFull()) return;
    for (const lease of await leaseWorkspaces(options.sql, { most: workspacesMax - turns.inUse(), leaseMs }))
      turns.start(() => takeTurn(options, lease, () => isClosing));
  }

  /** An outage is logged once, and once more when it is over. */
  function reportOnce(error: unknown): void {
    if (error !== null && !isFailing) options.log.warn({ event: "callbacks.failed", ...errorFields(error) });
    if (error === null && isFailing) options.log.info({ event: "callbacks.recovered" });
    isFailing = error !== null;
  }

  function schedule(): void {
    if (isClosing) return;
    timer = setTimeout(() => {
      pass = beginTurns()
        .then(
          () => reportOnce(null),
          (error: unknown) => reportOnce(error),
        )
        .finally(schedule);
    }, options.intervalMs);
  }

  schedule();
  return {
    async tellDue() {
      await beginTurns();
      await turns.idle();
    },
    async close() {
      isClosing = true;
      clearTimeout(timer);
      await pass;
      await turns.idle();
    },
  };
}

/** Never throws: what is not recorded is told again when the lease has ended. */
async function takeTurn(options: CallbackLoopOptions, lease: CallbackLease, isClosing: () => boolean): Promise<void> {
  const { sql, log } = options;
  const { workspaceId } = lease;
  const ends = deadlineIn(beginCallsMs);
  try {
    const secrets = await options.secretsOf(workspaceId);
    const due = await readDueMessages(sql, workspaceId, messagesPerTurnMax);
    const told = await tell(options, due, secrets, () => ends.isOver() || isClosing());
    reachFailpoint("callback_answered");
    const givenUp = await recordTold(sql, lease, told);
    if (givenUp.length === 0) return;
    options.onGivenUp(givenUp.length);
    log.warn({ event: "callbacks.given_up", workspaceId, messages: givenUp.length, bulksmsId: givenUp[0] });
  } catch (error) {
    log.warn({ event: "callbacks.turn_failed", workspaceId, ...errorFields(error) });
  }
}

/** What is known of an origin that fails: others to it wait as long. */
type FailingOrigins = Map<string, Pick<ToldMessage, "failure" | "doublings" | "waitMs">>;

async function tell(
  options: CallbackLoopOptions,
  due: readonly DueMessage[],
  secrets: readonly string[],
  isOver: () => boolean,
): Promise<ToldMessage[]> {
  const failing: FailingOrigins = new Map();
  const outcomes = due.map(({ bulksmsId, version }): ToldMessage => {
    return { bulksmsId, version, told: [], isComplete: false, failure: null, isTried: false, doublings: null, waitMs: 0 };
  });
  const calls = due.flatMap((message, index) =>
    message.untold.map((recipient) => ({ message, recipient, outcome: outcomes[index] as ToldMessage })),
  );
  await eachInSlots(calls, callsPerWorkspaceMax, async ({ message, recipient, outcome }) => {
    const { origin } = new URL(message.url);
    const known = failing.get(origin);
    if (known !== undefined) {
      // what has failed itself keeps its own wait
      if (outcome.failure === null) Object.assign(outcome, known);
      return;
    }
    // it has the next turn
    if (isOver()) return;
    const { failure, retryAfterMs, isOriginFailing } = await options.post(message.url, { secrets, ...webhookOf(message, recipient) });
    options.onAttempt(failure);
    if (failure === null) {
      outcome.told.push({ rowNo: rowNoOf(recipient), status: recipient.status });
      return;
    }
    Object.assign(outcome, { failure, isTried: true, doublings: message.tries, waitMs: Math.max(outcome.waitMs, retryAfterMs) });
    if (isOriginFailing) failing.set(origin, { failure, doublings: message.tries, waitMs: retryAfterMs });
  });
  for (const [index, { untold }] of due.entries()) {
    const outcome = outcomes[index] as ToldMessage;
    outcome.isComplete = outcome.told.length === untold.length;
  }
  return outcomes;
}

const rowNoOf = ({ id }: RecipientAnswer): number => Number(id.slice(id.lastIndexOf(".") + 1));

/** The same id and body at every attempt: a state says everything of its recipient. */
function webhookOf({ bulksmsId }: DueMessage, recipient: RecipientAnswer): { id: string; text: string } {
  const body: CallbackBody = { type: "recipient.updated", timestamp: recipient.updated_at, data: { message_id: bulksmsId, ...recipient } };
  return { id: `${recipient.id}.${recipient.status}`, text: JSON.stringify(body) };
}
