// A single text from request to `running`: a small campaign, made and run in one go. One
// transaction makes it `reserving` with its rows, its chunk, its hold's id and the stored answer of
// its Idempotency-Key (S1 to S3); from then on it is meant to be sent, whoever dies: a repeat with
// the key goes on where it stopped, and so does the sweeper. Called by POST /messages.
import { AppError } from "../../contracts/errors.ts";
import type { MessageView } from "../../contracts/messages.ts";
import type { Pricing } from "../../contracts/prices.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { inTransaction, type TransactionSql } from "../../platform/postgres.ts";
import { newBulksmsId } from "../import/bulksms_id.ts";
import { type CarrierDefaults, type ChosenCarrier, chooseCarrier } from "../import/chosen_carrier.ts";
import { claimKey, findAnswer, type IdempotencyClaim, storeAnswer } from "../import/idempotency.ts";
import type { ImportFields } from "../import/import_fields.ts";
import { type Campaign, campaignColumns, readCampaign } from "../lifecycle/campaign_rows.ts";
import { integers } from "../lifecycle/move_messages.ts";
import { type ReserveDependencies, reserve, reserveDeadlineMs } from "../lifecycle/reserve.ts";
import { judgeRecipients, type Recipient } from "./judge_recipients.ts";
import { readMessage } from "./read_message.ts";

/** The fields of a campaign that a message has too. */
export type MessageFields = Pick<ImportFields, "name" | "template" | "sender" | "isSenderNamed" | "country" | "deadlineS" | "carrierName">;

export interface MessageRequest extends MessageFields {
  workspaceId: string;
  /** As they were written. */
  numbers: readonly string[];
  callbackUrl: string | null;
  claim: IdempotencyClaim | null;
}

export interface MessageDependencies extends ReserveDependencies {
  /** The newest price list. */
  currentPricing(): Promise<Pricing>;
  settings: CarrierDefaults & { textPartsMax: number };
  /** It changed: watchers are notified, and a worker checks what is due. */
  onChanged(campaign: Campaign): void;
}

/** What is stored under a key: the message stands in its rows. */
interface StoredMessage {
  id: string;
}

/**
 * Texts a few people, or goes on with the message of the same request under its Idempotency-Key.
 * The message is `running`, or `reserving` if rpc does not answer: the sweeper goes on.
 * @throws AppError recipients_rejected, carrier_not_found, sender_not_allowed, carrier_not_live,
 * idempotency_key_reused, insufficient_credit (details.needed, details.available; it ends
 * `canceled`, and its key is free again), service_unavailable.
 */
export async function createMessage(
  dependencies: MessageDependencies,
  request: MessageRequest,
): Promise<{ view: MessageView; isRepeat: boolean }> {
  const { sql } = dependencies;
  const { claim, workspaceId } = request;
  const known = claim === null ? null : await findAnswer<StoredMessage>(sql, claim);
  const made = known === null ? await makeMessage(dependencies, request) : known;
  const isRepeat = !("campaign" in made);
  const campaign = "campaign" in made ? made.campaign : await readCampaign(sql, made.id);
  if (campaign === null) throw new Error("a message under a key has no row");
  if (campaign.status === "reserving") await goOn(dependencies, campaign);
  const view = await readMessage(sql, workspaceId, campaign.bulksmsId);
  // somebody else, a repeat or the sweeper, was told so
  if (view.last_error === "insufficient_credit")
    throw new AppError("insufficient_credit", `The message needs ${view.cost} credits, more than are available. Nobody was texted.`);
  return { view, isRepeat };
}

/** @throws AppError insufficient_credit */
async function goOn(dependencies: MessageDependencies, campaign: Campaign): Promise<void> {
  const reserved = await reserve(dependencies, campaign, reserveDeadlineMs);
  if (reserved.kind === "refused") {
    dependencies.onChanged(reserved.campaign);
    throw reserved.error;
  }
  if (reserved.kind === "running") dependencies.onChanged(reserved.campaign);
}

/** What a message is made of, once everything about it has been judged. */
interface Draft {
  bulksmsId: string;
  request: MessageRequest;
  carrier: ChosenCarrier;
  pricing: Pricing;
  recipients: Recipient[];
}

/** A new one, or that of another request with the same key, which was quicker. */
async function makeMessage(
  { sql, currentPricing, settings }: MessageDependencies,
  request: MessageRequest,
): Promise<{ campaign: Campaign } | StoredMessage> {
  const [bulksmsId, carrier, pricing] = await Promise.all([newBulksmsId(sql), chooseCarrier(sql, request, settings), currentPricing()]);
  const { destinations } = carrier;
  const recipients = judgeRecipients(request.numbers, { ...request, partsMax: settings.textPartsMax, destinations });
  const draft = { bulksmsId, request, carrier, pricing, recipients };
  const made = await inTransaction(sql, async (transaction) => {
    const { claim } = request;
    const quicker = claim === null ? null : await claimKey<StoredMessage>(transaction, claim, bulksmsId);
    if (quicker !== null) return quicker;
    const [campaign] = await Promise.all([
      insertMessage(transaction, draft),
      claim === null ? null : storeAnswer<StoredMessage>(transaction, claim, 202, { id: bulksmsId }),
    ]);
    // its COMMIT was done, the answer lost, and this is its repetition
    const own = campaign ?? (await readCampaign(transaction, bulksmsId));
    if (own === null) throw notLive(carrier);
    return { campaign: own };
  });
  reachFailpoint("message_committed");
  return made;
}

/**
 * All rows of a message in one statement. Null: there is one of this id, or its carrier is not live.
 */
async function insertMessage(transaction: TransactionSql, draft: Draft): Promise<Campaign | null> {
  const { bulksmsId, request, carrier, pricing, recipients } = draft;
  const costs = recipients.map(({ msisdn, parts }) => pricing.costOf(msisdn, parts));
  const msisdns = `{${recipients.map(({ msisdn }) => msisdn).join(",")}}`;
  const contacts = recipients.length;
  const [campaign] = await transaction<Campaign[]>`
    with b as (
      insert into bulksms (id, workspace_id, name, sender, text, country, deadline_s, price, price_version, carrier_id, is_message, callback_url,
        status, hold_id, contacts, pending, parts, cost_milli)
      select ${bulksmsId}::uuid, ${request.workspaceId}::uuid, ${request.name}, ${request.sender}, ${request.template.text}, ${request.country},
        ${request.deadlineS}::int, ${pricing.partMilli}::bigint, ${pricing.version}::int, ${carrier.carrierId}::uuid, true, ${request.callbackUrl},
        'reserving', uuidv7(), ${contacts}::int, ${contacts}::int, ${sum(recipients.map(({ parts }) => parts))}::bigint, ${sum(costs)}::bigint
      where ${carrier.carrierId}::uuid is null or exists (select from carrier r where r.id = ${carrier.carrierId}::uuid
        and (r.state = 'live' or r.state = 'test_only' and ${msisdns}::bigint[] <@ r.test_phones) for share of r)
      on conflict (id) do nothing
      returning *
    ), run as (
      insert into bulksms_run (hold_id, bulksms_id, amount) select hold_id, id, cost_milli from b
    ), chunk as (
      insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to) select id, 1, 1, contacts, 0 from b
    ), info as (
      insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli)
      select b.id, n.row_no, n.msisdn, n.parts, n.cost_milli
      from b, unnest(${msisdns}::bigint[], ${integers(recipients.map(({ parts }) => parts))}::smallint[], ${integers(costs)}::int[])
        with ordinality n (msisdn, parts, cost_milli, row_no)
    ), account as (
      insert into callback_account (workspace_id) select workspace_id from b where callback_url is not null on conflict (workspace_id) do nothing
    ), callback as (
      insert into message_callback (bulksms_id, workspace_id, told)
      select id, workspace_id, array_fill('pending'::message_status, array[contacts]) from b where callback_url is not null
    )
    select ${campaignColumns(transaction)} from b`;
  return campaign ?? null;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const notLive = ({ name }: ChosenCarrier): AppError =>
  new AppError("carrier_not_live", `The carrier ${name} is paused, or is only tested: then it texts its test phones alone.`);
