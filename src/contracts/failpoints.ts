// Every crash point that is a place in the code: where a process can be made to kill or freeze
// itself (setting BULKSMS_CRASH_AT), so that what follows can be watched. Reached by
// `reachFailpoint` (platform/failpoint.ts), once each; tried one by one by `npm run verify:crash`.
import type { ProcessName } from "./processes.ts";

export interface Failpoint {
  /**
   * Number in the list of crash points (lab/break/verify/crash_points.ts has all of them, those too
   * that are no place in the code).
   */
  point: `C${number}`;
  /**
   * Whose death here is the point; a place that several processes reach kills each of them that is
   * told to.
   */
  process: ProcessName;
  /** What is done and what is not. */
  description: string;
}

export const failpoints = {
  // create
  upload_received: { point: "C01", process: "salesapi", description: "the whole upload has arrived, no row is written" },
  rows_uncommitted: { point: "C02", process: "salesapi", description: "rows are copied, their transaction is open" },
  rows_copied: { point: "C02", process: "salesapi", description: "rows are copied and committed, the import is not closed" },
  import_committed: { point: "C03", process: "salesapi", description: "the campaign is ready, its answer is not sent" },
  // run
  run_committed: { point: "C04", process: "salesapi", description: "the campaign is reserving, rpc is not asked" },
  hold_uncommitted: { point: "C05", process: "rpc", description: "the hold is written, its transaction is open" },
  hold_committed: { point: "C06", process: "rpc", description: "the hold stands, rpc has not answered" },
  hold_answered: { point: "C07", process: "salesapi", description: "rpc has answered, the campaign is still reserving" },
  running_committed: { point: "C08", process: "salesapi", description: "the campaign is running, nobody is rung" },
  refusal_answered: { point: "C09", process: "salesapi", description: "rpc has refused, its hold is not given back" },
  refusal_released: { point: "C09", process: "salesapi", description: "the refused hold is closed, the campaign is still reserving" },
  // dispatch
  job_taken: { point: "C10", process: "sales_worker", description: "the job is taken from the queue, no chunk is leased" },
  chunk_leased: { point: "C11", process: "sales_worker", description: "a chunk is leased, no intent is made" },
  intent_committed: { point: "C11", process: "sales_worker", description: "the intent stands, nothing is submitted" },
  submit_begins: { point: "C11", process: "sales_worker", description: "the last look at the clock is done, the body goes out next" },
  body_half_journaled: {
    point: "C12",
    process: "simulator",
    description: "the first of several journal files of a commit is written, the next is not",
  },
  verdict_unjournaled: { point: "C13", process: "simulator", description: "a body is judged in memory, nothing is on disk" },
  verdict_journaled: { point: "C14", process: "simulator", description: "the verdict is on disk, it is not answered" },
  submit_answered: { point: "C15", process: "sales_worker", description: "the carrier has answered, nothing is recorded" },
  answers_uncommitted: { point: "C16", process: "sales_worker", description: "the answers are written, their transaction is open" },
  answers_committed: { point: "C17", process: "sales_worker", description: "the answers are recorded, the next chunk is not begun" },
  // links to carriers that would send a repeated message again
  link_taken: { point: "C42", process: "sales_worker", description: "a link is taken, the carrier is not called" },
  link_intended: { point: "C43", process: "sales_worker", description: "a link's intent stands, nothing of it is submitted" },
  link_submitted: { point: "C44", process: "sales_worker", description: "messages are with the carrier, none is answered" },
  link_answered: { point: "C45", process: "sales_worker", description: "the carrier has answered, nothing is recorded" },
  link_uncommitted: {
    point: "C46",
    process: "sales_worker",
    description: "answers, receipts and the next intent are written, their transaction is open",
  },
  link_recorded: { point: "C47", process: "sales_worker", description: "answers and receipts are recorded, no receipt is acknowledged" },
  // single texts and their callbacks
  message_committed: { point: "C49", process: "salesapi", description: "a text is stored and begun, its credit is not held yet" },
  callback_answered: {
    point: "C48",
    process: "sales_worker",
    description: "an application has acknowledged a change, nothing is recorded",
  },
  // the network
  sending_begins: { point: "C18", process: "simulator", description: "a message is accepted and due, it is not sent" },
  sending_journaled: { point: "C19", process: "simulator", description: "steps are on disk, their receipts are not on their way" },
  // receipts
  receipts_received: { point: "C20", process: "salesapi", description: "receipts are verified, their batch is not begun" },
  receipts_uncommitted: {
    point: "C22",
    process: "salesapi",
    description: "rows, counters and charge are written, their transaction is open",
  },
  charge_committed: { point: "C23", process: "salesapi", description: "rows and charge are committed, nobody is rung, no 2xx" },
  receipts_committed: { point: "C21", process: "salesapi", description: "the receipts are committed, their 2xx is not sent" },
  // charges
  outbox_claimed: { point: "C24", process: "sales_worker", description: "outbox rows are claimed, no job is sent" },
  settle_uncommitted: {
    point: "C25",
    process: "general_worker",
    description: "ledger and balances are written, their transaction is open",
  },
  settle_committed: { point: "C27", process: "general_worker", description: "the ledger has the charges, the credit is not published" },
  settle_published: { point: "C26", process: "general_worker", description: "the ledger has the charges, sales_worker is not told" },
  confirmation_received: {
    point: "C28",
    process: "sales_worker",
    description: "the ledger's answer is here, the outbox rows are not confirmed",
  },
  // end
  settling_committed: { point: "C29", process: "sales_worker", description: "every charge is confirmed, the hold is not given back" },
  release_committed: { point: "C30", process: "rpc", description: "the rest of the hold is released, rpc has not answered" },
  hold_released: { point: "C31", process: "sales_worker", description: "rpc has answered, the campaign is not finished" },
  // commands
  reprice_step_committed: {
    point: "C41",
    process: "salesapi",
    description: "some messages have their cost by the new price list, others not",
  },
  pause_committed: { point: "C32", process: "salesapi", description: "the campaign is paused, a worker is in the middle of a chunk" },
  cancel_step_committed: { point: "C33", process: "sales_worker", description: "messages of some chunks are canceled, more are to come" },
} as const satisfies Record<string, Failpoint>;

export type FailpointName = keyof typeof failpoints;

export const failpointNames = Object.keys(failpoints) as FailpointName[];
