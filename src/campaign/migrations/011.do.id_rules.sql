-- Receipts whose ids have another form than those of the answers.
-- The rule by which their_id was last read from body; null: only when it came.
alter table receipt_waiting add column id_rule text;
-- A rule by which the first receipts that wait would find their messages.
alter table carrier add column proposed_receipt_ids text;
grant update (proposed_receipt_ids) on carrier to sales_worker;
