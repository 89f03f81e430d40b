// Receipts whose ids are in another form than the answers': which rule would join them, and what
// waits under an older rule. Called by the link manager now and then, for carriers whose receipts
// name messages by the carrier's id alone.
import { type IdRule, idRules } from "../../contracts/carriers.ts";
import { inTransaction, type Sql } from "../../platform/postgres.ts";
import { normalizeMessageId } from "../../protocols/smpp/message_ids.ts";
import { idOfRawReceipt } from "../../protocols/smpp/raw_receipt.ts";

/** A receipt's answer may be on its way for so long. */
const patienceS = 10;
/** Fewer ids may fit a rule by chance. */
const proposedFromIds = 5;
/** Receipts that are looked at for a proposal. */
const sampleMax = 50;
/** Receipts of one transaction. */
const rereadMax = 500;

export interface IdTerms {
  carrierId: string;
  /** By which ids of receipts are read now. */
  rule: IdRule;
}

/** Reads the ids of receipts that wait anew, where another rule has read them. */
export async function rereadWaiting(sql: Sql, { carrierId, rule }: IdTerms): Promise<void> {
  const [any] = await sql`select from receipt_waiting where carrier_id = ${carrierId} and id_rule is distinct from ${rule} limit 1`;
  if (any === undefined) return;
  await inTransaction(sql, async (transaction) => {
    const rows = await transaction<{ id: string; theirId: string; raw: string }[]>`
      select id::text, their_id as "theirId", body as raw from receipt_waiting
      where carrier_id = ${carrierId} and id_rule is distinct from ${rule} and received_at < now() - ${patienceS}::int * interval '1 s'
      order by id limit ${rereadMax} for update skip locked`;
    if (rows.length === 0) return;
    // one whose id cannot be found again keeps it
    const ids = rows.map(({ theirId, raw }) => normalizeMessageId(idOfRawReceipt(raw), rule) || theirId);
    await transaction`
      update receipt_waiting w set their_id = n.their_id, id_rule = ${rule}
      from unnest(${rows.map(({ id }) => id)}::bigint[], ${ids}::text[]) n (id, their_id) where w.id = n.id`;
  });
}

/**
 * Whether exactly one other rule finds a message for every receipt that waits: then it is proposed.
 * A proposal that no longer holds is taken back.
 */
export async function proposeRule(sql: Sql, { carrierId, rule }: IdTerms): Promise<void> {
  const rows = await sql<{ raw: string }[]>`
    select body as raw from receipt_waiting
    where carrier_id = ${carrierId} and received_at < now() - ${patienceS}::int * interval '1 s' order by id limit ${sampleMax}`;
  const rawIds = [...new Set(rows.map(({ raw }) => idOfRawReceipt(raw)).filter((id) => id !== ""))];
  const proposed = rawIds.length < proposedFromIds ? null : await onlyRuleFor(sql, carrierId, rawIds, rule);
  await sql`
    update carrier set proposed_receipt_ids = ${proposed} where id = ${carrierId} and proposed_receipt_ids is distinct from ${proposed}::text`;
}

async function onlyRuleFor(sql: Sql, carrierId: string, rawIds: readonly string[], current: IdRule): Promise<IdRule | null> {
  const candidates = idRules
    .filter((rule) => rule !== current)
    .map((rule) => ({ rule, ids: rawIds.map((id) => normalizeMessageId(id, rule)) }));
  const found = await sql<{ theirId: string }[]>`
    select distinct their_id as "theirId" from carrier_message
    where carrier_id = ${carrierId} and their_id = any (${candidates.flatMap(({ ids }) => ids)}::text[])`;
  const known = new Set(found.map(({ theirId }) => theirId));
  const fitting = candidates.filter(({ ids }) => ids.every((id) => known.has(id)));
  // several rules that rewrite these ids alike are no choice to be made
  return fitting.length === 1 ? (fitting[0]?.rule ?? null) : null;
}
