-- Carriers beside the installation's simulator, and what sending through them needs: who holds a link, the ids that carriers give,
-- receipts that came before their ids, and what is in doubt.
-- Lock order: carrier_link, then as before: campaigns in id order, chunks, messages, counters.

create table carrier (
  id uuid primary key default uuidv7(),
  name text not null unique check (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
  -- contracts/carriers.ts; without its secret
  settings jsonb not null,
  -- AES-256-GCM; the key is not in the database
  sealed_secret bytea not null,
  -- test_only: only test_phones are texted
  state text not null default 'test_only' check (state in ('test_only', 'live', 'paused', 'removed')),
  test_phones bigint[] not null default '{}',
  -- the senders that the operator lets us use; destinations beside the installation's own country
  senders text[] not null default '{}',
  countries text[] not null default '{}',
  -- whether its endpoint identified itself as our simulator; null: it has not answered yet
  is_simulated boolean,
  version int not null default 1,
  last_error text,
  last_error_at timestamptz,
  created_at timestamptz not null default now()
);

-- null: the simulator behind the own dialect
alter table bulksms add column carrier_id uuid references carrier (id);
create index bulksms_carrier_open on bulksms (carrier_id, id) where carrier_id is not null and status not in ('import_failed', 'ready', 'finished', 'canceled');

-- One bind, or one group of connections, held by one worker at a time.
create table carrier_link (
  carrier_id uuid not null references carrier (id),
  slot int not null check (slot > 0),
  lease_owner uuid,
  lease_until timestamptz,
  -- connecting, bound, resting, over: for people
  state text not null default 'over',
  description text not null default '',
  -- no worker opens it sooner; after failures it backs off
  open_after timestamptz not null default now(),
  failures int not null default 0,
  changed_at timestamptz not null default now(),
  primary key (carrier_id, slot),
  check ((lease_owner is null) = (lease_until is null))
) with (fillfactor = 50);

-- The carrier's id of a message, or of one of its parts. The newest within the horizon counts: carriers use ids again.
create table carrier_message (
  carrier_id uuid not null,
  their_id text not null,
  day date not null default (now() at time zone 'UTC')::date,
  bulksms_id uuid not null,
  row_no int not null,
  part_no smallint not null,
  parts smallint not null,
  -- what its receipts report of this part; null: nothing final
  status message_status,
  error_code text,
  -- for carriers whose receipts cannot reach us: when it is asked for next; null: no more
  next_poll_at timestamptz,
  polls smallint not null default 0,
  primary key (carrier_id, their_id, day)
);
create index carrier_message_poll on carrier_message (carrier_id, next_poll_at) where next_poll_at is not null;
create index carrier_message_message on carrier_message (bulksms_id, row_no);

-- Receipts whose id no message has, yet.
create table receipt_waiting (
  id bigint generated always as identity primary key,
  carrier_id uuid not null,
  their_id text not null,
  phone bigint,
  status message_status not null,
  error_code text,
  body text not null,
  received_at timestamptz not null default now()
);
create index receipt_waiting_id on receipt_waiting (carrier_id, their_id);

-- A moment after which nobody knows of some messages whether the carrier has them.
create table doubt_event (
  id uuid primary key default uuidv7(),
  carrier_id uuid not null references carrier (id),
  slot int,
  kind text not null check (kind in ('crash', 'cut', 'timed_out', 'cancel')),
  -- the most messages that it can concern
  bound int not null check (bound > 0),
  created_at timestamptz not null default now()
);
create table doubt_message (
  bulksms_id uuid not null,
  row_no int not null,
  event_id uuid not null references doubt_event (id),
  -- no later than this was it intended: a receipt that came before is not about it
  intended_at timestamptz not null,
  -- for carriers that can be asked whether they have it; null: no more
  next_look_up_at timestamptz,
  look_ups smallint not null default 0,
  primary key (bulksms_id, row_no, event_id)
);
create index doubt_message_event on doubt_message (event_id);
create index doubt_message_look_up on doubt_message (next_look_up_at) where next_look_up_at is not null;

-- Messages from phones. Stored before they are acknowledged; nothing shows them yet.
create table inbound_message (
  id uuid primary key default uuidv7(),
  carrier_id uuid not null references carrier (id),
  from_phone text not null,
  to_address text not null,
  text text not null,
  their_id text,
  -- of a message in parts: its reference, how many parts, which one
  part_reference int,
  part_total int,
  part_number int,
  body text not null,
  received_at timestamptz not null default now()
);

grant select on carrier, carrier_link, carrier_message, receipt_waiting, doubt_event, doubt_message, inbound_message to "check";
grant select, insert, update on carrier to salesapi;
grant select on carrier to sales_worker;
grant update (is_simulated, last_error, last_error_at) on carrier to sales_worker;
grant select on carrier_link, carrier_message, receipt_waiting, doubt_event, doubt_message, inbound_message to salesapi;
grant insert, delete, update on carrier_message, receipt_waiting to salesapi;
grant insert on inbound_message to salesapi;
grant select, insert, update, delete on carrier_link, carrier_message, receipt_waiting to sales_worker;
grant select, insert on doubt_event, doubt_message, inbound_message to sales_worker;
grant update (next_look_up_at, look_ups) on doubt_message to sales_worker;
