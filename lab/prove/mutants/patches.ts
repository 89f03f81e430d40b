// Each guard's mutant: how the source looks without it, and who must notice. Read by
// verify:mutants, which builds and runs each, and by a test that each still fits.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of source text
import type { GuardName } from "./list.ts";

/** An exact piece of the source, which occurs there once. */
export interface Replacement {
  file: string;
  find: string;
  by: string;
}

/** Who notices. Each passes with the guard in place. */
export type Catcher =
  /** One test, in real databases. */
  | { kind: "test"; file: string; title: string }
  /** `lab crash --only ...`: real processes, one of them killed with -9. */
  | { kind: "processes"; crash: string };

export interface Patch {
  replacements: readonly Replacement[];
  catchers: readonly [Catcher, ...Catcher[]];
}

const test = (file: string, title: string): Catcher => ({ kind: "test", file, title });
const crash = (point: string): Catcher => ({ kind: "processes", crash: point });
const one = (file: string, find: string, by: string) => [{ file, find, by }];

const moveMessages = "src/campaign/lifecycle/move_messages.ts";
const receipts = "src/campaign/receipts/receipts.ts";
const leases = "src/campaign/dispatch/chunk_leases.ts";
const dispatch = "src/campaign/dispatch/dispatch.ts";
const cancel = "src/campaign/lifecycle/cancel.ts";
const reserve = "src/campaign/lifecycle/reserve.ts";
const finish = "src/campaign/lifecycle/finish.ts";
const idempotency = "src/campaign/import/idempotency.ts";
const holds = "src/credit/holds.ts";
const settle = "src/credit/settle.ts";
const submitBatch = "src/simulator/submit_batch.ts";
const submitVerdicts = "src/simulator/submit_verdicts.ts";
const receiptsRoute = "src/nodes/salesapi/receipts_route.ts";

const repriceTest = "src/campaign/pricing/reprice.database.test.ts";
const expiryTest = "src/campaign/lifecycle/expiry.database.test.ts";
const rejudgeTest = "src/campaign/import/rejudge.database.test.ts";
const receiptsTest = "src/campaign/receipts/receipts.database.test.ts";
const dispatchTest = "src/campaign/dispatch/dispatch.database.test.ts";
const creditTest = "src/credit/credit.database.test.ts";
const flowTest = "src/nodes/sales_worker/campaign_flow.database.test.ts";
const salesapiTest = "src/nodes/salesapi/salesapi.database.test.ts";
const simulatorTest = "src/simulator/simulator.test.ts";
const generalWorkerTest = "src/nodes/general_worker/general_worker.database.test.ts";

export const patches: Record<GuardName, Patch> = {
  final_state: {
    replacements: one(moveMessages, "and m.status < least(${target}, ${firstFinal})", "and m.status < ${target}"),
    catchers: [test(receiptsTest, "takes no message out of its end, not even to a higher state")],
  },
  upward: {
    replacements: one(moveMessages, "and m.status < least(${target}, ${firstFinal})", "and m.status < ${firstFinal}"),
    catchers: [
      test(receiptsTest, "has the same end as its receipts one by one, in any order and number, with counters that equal the rows"),
    ],
  },
  sent_mark: {
    replacements: one(
      moveMessages,
      "case when old.sent_at is null and new.sent_at is not null then m.parts",
      "case when new.sent_at is not null then m.parts",
    ),
    catchers: [test(receiptsTest, "charges once when sent, delivered and the duplicate sent come in separate batches")],
  },
  implied_sent: {
    replacements: one(moveMessages, "${target} in (${charging}) then now()", "${target} = 'sent' then now()"),
    catchers: [test(receiptsTest, "charges a delivered that overtook its sent")],
  },
  outbox_with_the_move: {
    replacements: [
      {
        file: moveMessages,
        find: `), charged as (
      insert into credit_outbox (bulksms_id, hold_id, parts, amount)
      select b.id, b.hold_id, c.parts_charged, c.milli_charged from campaign b, counted c where c.parts_charged > 0
    )`,
        by: ")",
      },
      {
        file: receipts,
        find: "export async function commitReceipts(sql: Sql, batch: readonly ReceiptColumns[]): Promise<CommittedReceipts> {",
        by: `export async function commitReceipts(sql: Sql, batch: readonly ReceiptColumns[]): Promise<CommittedReceipts> {
  const committed = await commitMoves(sql, batch);
  for (const { bulksmsId } of committed.changed) {
    await sql\`insert into credit_outbox (bulksms_id, hold_id, parts, amount)
      select b.id, b.hold_id, b.parts_sent - o.parts, b.charged_milli - o.amount
      from bulksms b, (select coalesce(sum(parts), 0)::bigint as parts, coalesce(sum(amount), 0)::bigint as amount from credit_outbox where bulksms_id = \${bulksmsId}) o
      where b.id = \${bulksmsId} and b.parts_sent > o.parts\`;
  }
  return committed;
}

async function commitMoves(sql: Sql, batch: readonly ReceiptColumns[]): Promise<CommittedReceipts> {`,
      },
    ],
    catchers: [test(receiptsTest, "moves nothing while its charge cannot be written")],
  },
  campaign_lock_first: {
    replacements: one(receipts, "order by id for no key update`", "order by id`"),
    catchers: [test(receiptsTest, "waits for the lock of its campaign before it locks a message")],
  },
  anomaly_once: {
    replacements: one(receipts, "\n    on conflict (receipt_id) do nothing", ""),
    catchers: [test(salesapiTest, "answers 2xx to what no message can take, keeps it once, and takes the good ones beside it")],
  },
  refused_receipt_kept: {
    replacements: one(
      receipts,
      "else if (isRefused(messageStatus, columns.statuses[n] as ReceiptStatus)) {",
      "else if (batch.length === 0 && isRefused(messageStatus, columns.statuses[n] as ReceiptStatus)) {",
    ),
    catchers: [test(receiptsTest, "keeps a contradiction with the state that refused it, also when both came in one batch")],
  },
  poison_message_alone: {
    replacements: one(
      "src/campaign/receipts/receipt_batcher.ts",
      "if (!isDataError(error)) throw error;",
      "if (!isDataError(error) || bodies.length > 1) throw error;",
    ),
    catchers: [
      test(
        "src/campaign/receipts/receipt_batcher.test.ts",
        "halves a batch that the database refuses until the poison messages stand alone, and keeps them as malformed",
      ),
    ],
  },
  commit_before_2xx: {
    replacements: one(receiptsRoute, "await batcher.add(receipts);", "void batcher.add(receipts).catch(() => {});"),
    catchers: [
      crash("C20"),
      test(
        "src/nodes/salesapi/outages.database.test.ts",
        "every endpoint answers 503 with Retry-After within 2 s, and no receipt is answered 2xx; all is well once it is back",
      ),
    ],
  },
  signature: {
    replacements: one(receiptsRoute, "nowS: Date.now() / 1_000 })) {", "nowS: Date.now() / 1_000 }) && body.length === 0) {"),
    catchers: [test(salesapiTest, "takes nothing that is forged, altered, old, from the future, or unsigned")],
  },
  intent: {
    replacements: one(leases, "intent_to = c.last_row,", "intent_to = c.intent_to,"),
    catchers: [test(dispatchTest, "goes from lease to done: intent before the submit, answers after it"), crash("C11")],
  },
  intent_lease: {
    replacements: one(
      leases,
      "and c.state = 'leased' and c.lease_owner = ${chunk.leaseOwner} and c.attempt = ${chunk.attempt} and c.lease_until > clock_timestamp()",
      "and c.state = 'leased' and c.attempt = ${chunk.attempt}",
    ),
    catchers: [test(dispatchTest, "whose lease has passed fails its next intent, also when nobody has taken it over")],
  },
  intent_attempt: {
    replacements: one(
      leases,
      "and c.attempt = ${chunk.attempt} and c.lease_until > clock_timestamp()",
      "and c.lease_until > clock_timestamp()",
    ),
    catchers: [
      test(dispatchTest, "raises the attempt, so that an intent that waited for the chunk's lock fails although it had read `running`"),
    ],
  },
  intent_running: {
    replacements: one(leases, "where b.id = c.bulksms_id and b.status = 'running'", "where b.id = c.bulksms_id"),
    catchers: [test(dispatchTest, "stops between attempts when its campaign is paused, and is open for the resume")],
  },
  lease_in_time: {
    replacements: one(
      dispatch,
      "Math.min(options.submitTimeoutMs, Math.floor(lease.leftMs()))",
      "Math.max(options.submitTimeoutMs, Math.floor(lease.leftMs()))",
    ),
    catchers: [test(dispatchTest, "is not begun when what is left of the lease is too short for an answer")],
  },
  lease_alone: {
    replacements: one(leases, " and (n.state = 'open' or n.lease_until < clock_timestamp())", ""),
    catchers: [test(dispatchTest, "goes to one of many workers that want it, and each to another")],
  },
  first_deadline: {
    replacements: one(leases, "case when c.intent_to < c.last_row or", "case when c.intent_to <= c.last_row or"),
    catchers: [
      test(dispatchTest, "is submitted again after silence with the same words and the same valid_until, and fails nobody"),
      crash("C15"),
    ],
  },
  untouched_only: {
    replacements: one(dispatch, "isUntouched &&= outcome.isWithoutEffect;", 'isUntouched &&= outcome.kind === "silent";'),
    catchers: [
      test(
        dispatchTest,
        "that may have reached the carrier in any attempt stays meant, also when a later attempt was refused at the endpoint",
      ),
    ],
  },
  silence_is_no_verdict: {
    replacements: one("src/carriers/batch_http/carrier_client.ts", "status >= 500) return", "status >= 600) return"),
    catchers: [
      test(
        "src/carriers/batch_http/carrier_client.test.ts",
        "no verdict, when it is a 408 or 5xx, has another form, or speaks of other messages",
      ),
      test(flowTest, "that answers 500 or takes the body without an answer gets the same words again, and each reference is accepted once"),
    ],
  },
  cancel_above_intent: {
    replacements: one(cancel, 'chunk.intentTo + 1, chunk.lastRow, "canceled"', 'chunk.firstRow, chunk.lastRow, "canceled"'),
    catchers: [test(dispatchTest, "makes unknown what a dead worker had meant to submit")],
  },
  cancel_raises_attempt: {
    replacements: one(cancel, "set attempt = c.attempt + 1", "set attempt = c.attempt"),
    catchers: [
      test(dispatchTest, "raises the attempt, so that an intent that waited for the chunk's lock fails although it had read `running`"),
    ],
  },
  expiry_horizon: {
    replacements: one(
      "src/campaign/lifecycle/expiry.ts",
      "{ graceS: receiptHorizonS, from: messageSets.submitted",
      "{ graceS: 0, from: messageSets.submitted",
    ),
    catchers: [test(expiryTest, "waits for the deadline and the receipt horizon after it")],
  },
  unconfirmed_was_sent: {
    replacements: one(
      "src/campaign/lifecycle/expiry.ts",
      'const confirmable = ["sent"] as const satisfies MessageStatus[];',
      "const confirmable = messageSets.submitted;",
    ),
    catchers: [test(expiryTest, "ends what was sent at its deadline where no receipt comes from, charged and counted as unconfirmed")],
  },
  journaled_verdict: {
    replacements: one(
      submitBatch,
      'await journal.commit();\n  reachFailpoint("verdict_journaled");',
      'void journal.commit();\n  reachFailpoint("verdict_journaled");',
    ),
    catchers: [test(simulatorTest, "is answered when its verdict is on disk: a simulator that dies at that moment has forgotten nobody")],
  },
  first_verdict_repeated: {
    replacements: one(
      submitVerdicts,
      "if (slot !== -1) {\n      repeatVerdict",
      "if (slot !== -1 && message.parts < 0) {\n      repeatVerdict",
    ),
    catchers: [crash("C15"), test(simulatorTest, "that is repeated gets the first verdict again and is sent once")],
  },
  run_once: {
    replacements: one(
      "src/campaign/lifecycle/commands.ts",
      "and workspace_id = ${workspaceId} and status = 'ready'",
      "and workspace_id = ${workspaceId}",
    ),
    catchers: [test(flowTest, "that is run twice at once is run once, with one hold")],
  },
  run_when_priced: {
    replacements: one(
      "src/campaign/lifecycle/commands.ts",
      " and price_version = ${pricing.version} and",
      " and ${pricing.version}::int > 0 and",
    ),
    catchers: [test(repriceTest, "does not run while it is re-priced, and the next one who accepts goes on")],
  },
  run_when_judged: {
    replacements: one("src/campaign/lifecycle/commands.ts", "${pricing.version} and next_carrier_id is null\n", "${pricing.version}\n"),
    catchers: [test(rejudgeTest, "lets nobody run or re-price the campaign, and the next one goes on")],
  },
  run_through_shown_carrier: {
    replacements: one(
      "src/campaign/lifecycle/commands.ts",
      "and ${maySend(sql)} and ${hasExpectedCarrier(sql, expected)}\n",
      "and ${maySend(sql)}\n",
    ),
    catchers: [test("src/campaign/lifecycle/carrier_guard.database.test.ts", "what was shown as simulated does not run for real")],
  },
  run_with_its_hold: {
    replacements: one(
      reserve,
      '{ from: ["reserving"], to: "running", holdId, lastError: null }',
      '{ from: ["reserving"], to: "running", lastError: null }',
    ),
    catchers: [test(flowTest, "for another hold than the campaign's lets nothing run, and is given back")],
  },
  used_hold_kept: {
    replacements: one(
      reserve,
      "campaign === null || campaign.holdId !== holdId || !campaign.hasRun;",
      'campaign === null || campaign.holdId !== holdId || campaign.status !== "running";',
    ),
    catchers: [test(flowTest, "leaves the hold of a campaign that ran meanwhile and is being canceled to its charges")],
  },
  hold_once: {
    replacements: one(
      holds,
      "if (existing !== null) return answerRepeat(",
      "if (existing !== null && amountMilli < 0n) return answerRepeat(",
    ),
    catchers: [crash("C06"), test(creditTest, "that is repeated holds once and answers existed")],
  },
  hold_amount: {
    replacements: one(
      holds,
      "if (hold.amountMilli !== amountMilli) return holdConflict();",
      "if (hold.amountMilli < 0n * amountMilli) return holdConflict();",
    ),
    catchers: [test(creditTest, "with a taken id is a conflict for another amount and for another workspace")],
  },
  refusal_kept: {
    replacements: one(holds, "if (isRefused) return insufficientCredit(", "if (isRefused) throw insufficientCredit("),
    catchers: [test(creditTest, "that was refused once is refused forever with the same figures, also after a top-up")],
  },
  tombstone: {
    replacements: one(
      holds,
      "if (!(await insertHold(transaction, tombstone))) throw holdConflict();",
      "if (tombstone.holdId === tombstone.workspaceId) throw holdConflict();",
    ),
    catchers: [test(creditTest, "of an unknown hold leaves a tombstone that refuses the reserve on its way")],
  },
  release_once: {
    replacements: one(
      holds,
      'if (hold.state === "closed") return { releasedMilli',
      'if (hold.origin === "refused") return { releasedMilli',
    ),
    catchers: [crash("C30"), test(creditTest, "gives back what is open, once, and a late reserve is refused")],
  },
  ledger_once: {
    replacements: one(settle, "\n    on conflict (transfer_id) do nothing", ""),
    catchers: [crash("C26"), test(generalWorkerTest, "a settled row is charged once and confirmed, however often the job comes")],
  },
  settle_within_hold: {
    replacements: one(
      settle,
      "if (sumMilli > hold.amountMilli - hold.settledMilli) throw",
      "if (sumMilli > hold.amountMilli * 1_000n) throw",
    ),
    catchers: [test(creditTest, "that the hold cannot bear is parked alone, and the rest of its batch settles")],
  },
  confirm_settled_only: {
    replacements: one(
      settle,
      "[...new Set(outcome.settledIds)].filter((id) => !refusedIds.has(id))",
      "[...new Set([...outcome.settledIds, ...refusedIds])]",
    ),
    catchers: [test(generalWorkerTest, "a row that the hold refuses is parked, counted and not confirmed, and the others are")],
  },
  release_after_confirmations: {
    replacements: one(finish, "return rows.length > 0;", "return rows.length > 1;"),
    catchers: [crash("C23"), test(flowTest, "goes from create to finished, and each sent part costs 0.1 credit")],
  },
  all_final_counted: {
    replacements: one(finish, "return final === contacts;", "return final <= contacts;"),
    catchers: [test(flowTest, "believes the rows and not the counters at the end")],
  },
  create_once: {
    replacements: [
      {
        file: idempotency,
        find: "if (row.response === null && !row.is_alive) return null;",
        by: "if (row.response === null || !row.is_alive) return null;",
      },
      {
        file: idempotency,
        find: "request_sha256 = ${requestSha256}, created_at = now()",
        by: "request_sha256 = ${requestSha256}, created_at = now(), response = null",
      },
      { file: idempotency, find: "and bulksms_id = ${row.bulksms_id} and response is null", by: "and bulksms_id = ${row.bulksms_id}" },
    ],
    catchers: [
      crash("C03"),
      test(
        "src/nodes/salesapi/create_route.database.test.ts",
        "gives the stored answer to the same fields and file, and makes no second campaign",
      ),
    ],
  },
};
