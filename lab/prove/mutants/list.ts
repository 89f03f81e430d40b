// The guards of the protocol whose loss must be noticed: each is removed from the real source in
// turn (patches.ts), and something must catch it. The list is independent and was written before
// the patches: the protocol decides what matters (docs/protocol.md), not what is easy to break.

export interface Guard {
  /** Words joined by `_`; also the name of the mutant that lacks it. */
  name: string;
  /** What the source does. */
  guard: string;
  /** Where it is. */
  file: string;
  /** What goes wrong without it, and when. */
  without: string;
  /**
   * The law that breaks in the end; `progress`: nothing wrong is written, but something never ends.
   */
  breaks: `L${number}` | "progress";
}

export const guards = [
  // Messages only move up, and each is charged once.
  {
    name: "final_state",
    guard: "no statement moves a message out of a final state",
    file: "src/campaign/lifecycle/move_messages.ts",
    without: "a receipt that contradicts the end (`delivered` after `failed`) replaces it",
    breaks: "L8",
  },
  {
    name: "upward",
    guard: "a message moves only to a higher state",
    file: "src/campaign/lifecycle/move_messages.ts",
    without: "a reordered `queued` takes a sent message back, and its `sent` was answered 2xx",
    breaks: "L9",
  },
  {
    name: "sent_mark",
    guard: "parts are charged only by the statement that sets sent_at",
    file: "src/campaign/lifecycle/move_messages.ts",
    without: "`sent`, then `delivered` charge the same message twice",
    breaks: "L3",
  },
  {
    name: "implied_sent",
    guard: "`delivered` and `undelivered` mark a message as sent too",
    file: "src/campaign/lifecycle/move_messages.ts",
    without: "a message whose `sent` was lost or overtaken is never charged",
    breaks: "L3",
  },
  {
    name: "outbox_with_the_move",
    guard: "the outbox row is written in the transaction that moves the messages",
    file: "src/campaign/lifecycle/move_messages.ts",
    without: "a crash between the two commits loses a charge forever",
    breaks: "L3",
  },
  {
    name: "campaign_lock_first",
    guard: "receipts lock the campaign before its messages",
    file: "src/campaign/receipts/receipts.ts",
    without: "receipts, cancel and expiry take the same locks in two orders and deadlock",
    breaks: "progress",
  },
  {
    name: "anomaly_once",
    guard: "an anomaly is stored once per receipt id (ON CONFLICT)",
    file: "src/campaign/receipts/receipts.ts",
    without: "the repeat of a refused receipt fails its whole batch, again and again",
    breaks: "progress",
  },
  {
    name: "refused_receipt_kept",
    guard: "a receipt that a final state refuses becomes an anomaly",
    file: "src/campaign/receipts/receipts.ts",
    without: "a contradiction is answered 2xx and leaves no trace",
    breaks: "L9",
  },
  {
    name: "poison_message_alone",
    guard: "a batch that the database refuses is halved until the poison message stands alone",
    file: "src/campaign/receipts/receipt_batcher.ts",
    without: "one receipt that cannot be stored blocks all others with it forever",
    breaks: "progress",
  },
  {
    name: "commit_before_2xx",
    guard: "salesapi answers receipts after their commit",
    file: "src/nodes/salesapi/receipts_route.ts",
    without: "a salesapi that dies (or a database that refuses) between answer and commit loses receipts that nobody repeats",
    breaks: "L9",
  },
  {
    name: "signature",
    guard: "a body of receipts is read only with a valid signature",
    file: "src/nodes/salesapi/receipts_route.ts",
    without: "anybody can end a message and charge for it",
    breaks: "L11",
  },
  // Submitting: intents are fenced, facts are merged.
  {
    name: "intent",
    guard: "intent_to is committed before the body is written",
    file: "src/campaign/dispatch/chunk_leases.ts",
    without: "a cancel finds rows untouched that are with the carrier, and ends them as `canceled`",
    breaks: "L3",
  },
  {
    name: "intent_lease",
    guard: "the intent requires a valid lease of its own",
    file: "src/campaign/dispatch/chunk_leases.ts",
    without: "a worker that was frozen past its lease keeps submitting beside its successor",
    breaks: "L4",
  },
  {
    name: "intent_attempt",
    guard: "the intent requires the attempt of its lease",
    file: "src/campaign/dispatch/chunk_leases.ts",
    without: "an intent that waited for a cancel's lock submits rows that the cancel has just taken",
    breaks: "L3",
  },
  {
    name: "intent_running",
    guard: "the intent requires a running campaign",
    file: "src/campaign/dispatch/chunk_leases.ts",
    without: "a paused campaign keeps sending",
    breaks: "progress",
  },
  {
    name: "lease_in_time",
    guard: "a body that could outlive its lease is not begun",
    file: "src/campaign/dispatch/dispatch.ts",
    without: "a worker that froze between intent and socket submits when others own the chunk",
    breaks: "L4",
  },
  {
    name: "lease_alone",
    guard: "only an open chunk, or one whose lease has expired, is leased",
    file: "src/campaign/dispatch/chunk_leases.ts",
    without: "two workers submit the same chunk all the time and take each other's lease",
    breaks: "progress",
  },
  {
    name: "first_deadline",
    guard: "a resubmit keeps the valid_until of the first submit",
    file: "src/campaign/dispatch/chunk_leases.ts",
    without: "a repeat carries another message, and its deadline moves away",
    breaks: "L4",
  },
  {
    name: "untouched_only",
    guard: "an intent is taken back only when no attempt can have reached the carrier",
    file: "src/campaign/dispatch/dispatch.ts",
    without: "after a lost answer a cancel ends messages as `canceled` that the carrier has",
    breaks: "L3",
  },
  {
    name: "silence_is_no_verdict",
    guard: "5xx, time-outs and foreign answers are retried",
    file: "src/carriers/batch_http/carrier_client.ts",
    without: "a temporary error counts as a verdict: the campaign gives up on a message that the carrier may have",
    breaks: "progress",
  },
  {
    name: "cancel_above_intent",
    guard: "cancel ends only rows above intent_to as `canceled`",
    file: "src/campaign/lifecycle/cancel.ts",
    without: "messages that are with the carrier end as `canceled`, are sent, and are never charged",
    breaks: "L3",
  },
  {
    name: "cancel_raises_attempt",
    guard: "cancel raises the attempt of each chunk it takes rows from",
    file: "src/campaign/lifecycle/cancel.ts",
    without: "an intent that waited for its lock still finds its own attempt and submits canceled rows",
    breaks: "L3",
  },
  {
    name: "expiry_horizon",
    guard: "a message expires only when no receipt can be on its way any more",
    file: "src/campaign/lifecycle/expiry.ts",
    without: "a receipt within the carrier's horizon comes late: sent, not charged",
    breaks: "L3",
  },
  {
    name: "unconfirmed_was_sent",
    guard: "only a message that was sent, and so charged, ends as unconfirmed",
    file: "src/campaign/lifecycle/expiry.ts",
    without: "a message in doubt at a carrier without receipts is said to have been sent",
    breaks: "L5",
  },
  // The carrier's side of the same promise.
  {
    name: "journaled_verdict",
    guard: "the carrier answers a submit after its verdict is on disk",
    file: "src/simulator/submit_batch.ts",
    without: "a carrier that dies after its answer forgets messages that we count as queued",
    breaks: "L7",
  },
  {
    name: "first_verdict_repeated",
    guard: "a known reference gets its first verdict and is not sent again",
    file: "src/simulator/submit_verdicts.ts",
    without: "each resubmit sends the message once more",
    breaks: "L4",
  },
  // Credit: held in full, settled once, released at the end.
  {
    name: "run_once",
    guard: "only a `ready` campaign begins a run",
    file: "src/campaign/lifecycle/commands.ts",
    without: "a second run replaces the hold of the first, which stays open forever",
    breaks: "L10",
  },
  {
    name: "run_with_its_hold",
    guard: "`reserving -> running` requires the hold that was reserved",
    file: "src/campaign/lifecycle/reserve.ts",
    without: "the late answer of an earlier run lets a campaign run on a hold that was never made",
    breaks: "L3",
  },
  {
    name: "used_hold_kept",
    guard: "a late reserve gives a hold back only when the campaign never ran with it",
    file: "src/campaign/lifecycle/reserve.ts",
    without: "charges of a running or canceled campaign find a closed hold",
    breaks: "L3",
  },
  {
    name: "hold_once",
    guard: "a repeated reserve finds its hold and holds nothing again",
    file: "src/credit/holds.ts",
    without: "a reserve whose answer was lost is refused, though its credit is held",
    breaks: "progress",
  },
  {
    name: "hold_amount",
    guard: "a repeated reserve with another amount is refused",
    file: "src/credit/holds.ts",
    without: "a campaign runs on a hold that is too small for it",
    breaks: "L10",
  },
  {
    name: "refusal_kept",
    guard: "a reserve refused for lack of credit stays refused",
    file: "src/credit/holds.ts",
    without: "its repeat after a top-up holds credit for a campaign that was refused",
    breaks: "L10",
  },
  {
    name: "tombstone",
    guard: "the release of an unknown hold closes it forever",
    file: "src/credit/holds.ts",
    without: "a reserve that arrives after the release holds credit that nobody gives back",
    breaks: "L6",
  },
  {
    name: "release_once",
    guard: "the release of a closed hold gives back nothing",
    file: "src/credit/holds.ts",
    without: "a release whose answer was lost cannot be repeated, or gives back twice",
    breaks: "L1",
  },
  {
    name: "ledger_once",
    guard: "a settle is in the ledger once by its outbox id (ON CONFLICT)",
    file: "src/credit/settle.ts",
    without: "the repeat of a settle whose answer was lost charges again, or fails forever",
    breaks: "L3",
  },
  {
    name: "settle_within_hold",
    guard: "a settle above the open part of its hold is parked alone",
    file: "src/credit/settle.ts",
    without: "one wrong amount holds back every other charge of its batch",
    breaks: "progress",
  },
  {
    name: "confirm_settled_only",
    guard: "only what stands in the ledger is confirmed",
    file: "src/credit/settle.ts",
    without: "a refused charge counts as paid, and the campaign ends",
    breaks: "L3",
  },
  {
    name: "release_after_confirmations",
    guard: "the hold is released when every outbox row is confirmed",
    file: "src/campaign/lifecycle/finish.ts",
    without: "a late settle finds a closed hold: sent, never charged",
    breaks: "L6",
  },
  {
    name: "all_final_counted",
    guard: "a campaign ends when its rows are counted final, whatever the counters say",
    file: "src/campaign/lifecycle/finish.ts",
    without: "a wrong counter ends a campaign with open messages",
    breaks: "L6",
  },
  {
    name: "run_when_priced",
    guard: "a campaign runs only by the price list that all its messages have their cost from",
    file: "src/campaign/lifecycle/commands.ts",
    without: "a run that begins while the campaign is re-priced charges some messages by one list, some by another",
    breaks: "L10",
  },
  {
    name: "run_when_judged",
    guard: "a campaign runs only when all its messages were judged by the rules of its carrier",
    file: "src/campaign/lifecycle/commands.ts",
    without: "a run that begins while its carrier is changed sends some messages that neither carrier was asked about",
    breaks: "L10",
  },
  {
    name: "run_through_shown_carrier",
    guard: "a campaign runs only through the carrier that was shown, and not for real if that was simulated",
    file: "src/campaign/lifecycle/commands.ts",
    without: "people are texted by a campaign that was shown as simulated",
    breaks: "progress",
  },
  {
    name: "create_once",
    guard: "the Idempotency-Key of create belongs to one campaign",
    file: "src/campaign/import/idempotency.ts",
    without: "the repeat of a create whose answer was lost makes a second campaign",
    breaks: "progress",
  },
] as const satisfies readonly Guard[];

export type GuardName = (typeof guards)[number]["name"];
