-- Database salesdb: campaigns and their messages, owned by salesapi and sales_worker.
-- Lock order: campaigns in id order FOR NO KEY UPDATE, then chunks, then messages, then counters. Import alone holds FOR SHARE.

-- The order is the meaning: a status only grows, and never leaves one from 'failed' on (contracts/states.ts).
create type message_status as enum
  ('pending', 'unknown', 'queued', 'sent', 'failed', 'undelivered', 'delivered', 'expired', 'canceled');

create type bulksms_status as enum
  ('importing', 'import_failed', 'ready', 'reserving', 'running', 'paused', 'canceling', 'settling', 'finished', 'canceled');

-- One text to many contacts. (State diagram: contracts/states.ts.)
create table bulksms (
  id uuid primary key default uuidv7(),
  workspace_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  sender text not null check (length(sender) between 1 and 16),
  text text not null check (length(text) between 1 and 2000),
  -- names of the columns that the text uses; bulksms_info.fields has their values in this order
  placeholders text[] not null default '{}',
  country text not null check (length(country) = 2),
  deadline_s int not null check (deadline_s between 1 and 604800),
  status bulksms_status not null default 'importing',
  file_name text not null default '',
  import_lease_owner uuid,
  import_lease_until timestamptz,
  -- milli-credits a part; frozen at run
  price bigint not null check (price > 0),
  -- the hold of the current run; fresh for every run
  hold_id uuid,
  contacts int not null default 0 check (contacts >= 0),
  rejected int not null default 0 check (rejected >= 0),
  reject_counts jsonb not null default '{}',
  parts bigint not null default 0 check (parts >= 0),
  parts_sent bigint not null default 0 check (parts_sent between 0 and parts),
  -- one counter a message state; their sum is contacts
  pending int not null default 0 check (pending >= 0),
  unknown int not null default 0 check (unknown >= 0),
  queued int not null default 0 check (queued >= 0),
  sent int not null default 0 check (sent >= 0),
  failed int not null default 0 check (failed >= 0),
  undelivered int not null default 0 check (undelivered >= 0),
  delivered int not null default 0 check (delivered >= 0),
  expired int not null default 0 check (expired >= 0),
  canceled int not null default 0 check (canceled >= 0),
  -- grows with every change that a watcher should see
  version bigint not null default 0,
  last_error text,
  created_at timestamptz not null default now(),
  -- when the current status began (the sweeper's clock)
  status_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  -- the sweeper rings for this campaign again no sooner than this
  next_ring_at timestamptz not null default now(),
  ring_count int not null default 0,
  check (status in ('importing', 'import_failed')
    or pending + unknown + queued + sent + failed + undelivered + delivered + expired + canceled = contacts),
  check (status not in ('reserving', 'running', 'paused', 'settling', 'finished') or hold_id is not null)
) with (fillfactor = 50);
create index bulksms_workspace on bulksms (workspace_id, id desc);
create index bulksms_open on bulksms (id) where status not in ('import_failed', 'ready', 'finished', 'canceled');

-- Each run of a campaign, one hold each: L10 compares these with the holds in ds.
create table bulksms_run (
  hold_id uuid primary key,
  bulksms_id uuid not null references bulksms (id),
  amount bigint not null check (amount > 0),
  created_at timestamptz not null default now()
);
create index bulksms_run_bulksms on bulksms_run (bulksms_id);

-- The unit of work, lease, intent and recovery.
--   open -> leased -> done;  leased -> leased by another when lease_until has passed (attempt grows)
create table bulksms_chunk (
  bulksms_id uuid not null references bulksms (id),
  chunk_no int not null,
  first_row int not null,
  last_row int not null,
  state text not null default 'open' check (state in ('open', 'leased', 'done')),
  lease_owner uuid,
  lease_until timestamptz,
  -- grows with every lease and with cancel: an intent that names an older attempt fails
  attempt int not null default 0,
  -- last row that may have been submitted; first_row - 1: none
  intent_to int not null,
  -- when intent_to last advanced; a resubmit keeps it. The deadline of its rows counts from here.
  submitted_at timestamptz,
  primary key (bulksms_id, chunk_no),
  check (first_row <= last_row and intent_to between first_row - 1 and last_row),
  check ((state = 'leased') = (lease_owner is not null and lease_until is not null))
) with (fillfactor = 50);
create index bulksms_chunk_undone on bulksms_chunk (bulksms_id, chunk_no) where state <> 'done';

-- One message. No index but the primary key, and a fillfactor of 50: every update stays HOT (two versions a page side by side).
create table bulksms_info (
  bulksms_id uuid not null,
  row_no int not null,
  -- E.164 without the plus: at most 15 digits
  msisdn bigint not null,
  parts smallint not null check (parts between 1 and 255),
  status message_status not null default 'pending',
  -- values of bulksms.placeholders; null when the text has none
  fields text[],
  error_code text,
  -- when it first became sent, or a state that implies it: the mark of the charge
  sent_at timestamptz,
  done_at timestamptz,
  primary key (bulksms_id, row_no)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_insert_scale_factor = 0.5);

create table bulksms_reject (
  bulksms_id uuid not null references bulksms (id),
  line int not null,
  reason text not null,
  -- the cell as it stood, cut to 200 characters
  value text not null,
  primary key (bulksms_id, line)
);

-- Parts that became sent, waiting to be charged in ds. The id is the ledger's transfer_id.
create table credit_outbox (
  id uuid primary key default uuidv7(),
  bulksms_id uuid not null references bulksms (id),
  hold_id uuid not null,
  parts bigint not null check (parts > 0),
  amount bigint not null check (amount > 0),
  created_at timestamptz not null default now(),
  -- the relay and the sweeper send it no sooner than this; backs off to 30 s
  next_try_at timestamptz not null default now(),
  tries int not null default 0,
  confirmed_at timestamptz
) with (fillfactor = 70);
create index credit_outbox_unconfirmed on credit_outbox (next_try_at) where confirmed_at is null;
create index credit_outbox_bulksms on credit_outbox (bulksms_id);

-- What a carrier said that no row could take. Nothing is thrown away.
create table receipt_anomaly (
  receipt_id text primary key,
  kind text not null check (kind in ('late', 'contradiction', 'unknown_reference', 'unknown_status', 'malformed')),
  reference text not null,
  bulksms_id uuid,
  row_no int,
  status text not null,
  error_code text,
  -- the message's state when it was refused
  message_status message_status,
  body jsonb not null,
  created_at timestamptz not null default now()
);
create index receipt_anomaly_message on receipt_anomaly (bulksms_id, row_no) where bulksms_id is not null;

-- Answers of POST /create, by Idempotency-Key. In flight while response is null and its import lives.
create table idempotency_key (
  workspace_id uuid not null,
  key text not null check (length(key) between 1 and 255),
  bulksms_id uuid not null,
  request_sha256 bytea,
  response_status int,
  response jsonb,
  created_at timestamptz not null default now(),
  primary key (workspace_id, key)
);

-- Least rights.
grant usage on schema public to salesapi, sales_worker, "check";
grant select on all tables in schema public to "check";

grant select, insert, update on bulksms, bulksms_chunk to salesapi, sales_worker;
grant select, insert on bulksms_run to salesapi, sales_worker;
grant select, insert, update, delete on bulksms_info to salesapi;
grant select, update, delete on bulksms_info to sales_worker;
grant select, insert, delete on bulksms_reject to salesapi;
grant select, delete on bulksms_reject to sales_worker;
grant select, insert on credit_outbox to salesapi;
grant select, insert, update on credit_outbox to sales_worker;
grant select, insert on receipt_anomaly to salesapi, sales_worker;
grant select, insert, update, delete on idempotency_key to salesapi;
grant select, update, delete on idempotency_key to sales_worker;
grant delete on bulksms_chunk to salesapi, sales_worker;
