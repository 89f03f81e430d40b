-- Single texts (POST /messages): each is a small campaign, marked as such, so that every step, law and repair holds for it too.
-- And the callbacks that tell an application what becomes of them.
-- Lock order: campaigns in id order, chunks, messages, counters, then message_callback in id order. callback_account is locked alone.

alter table bulksms
  add column is_message boolean not null default false,
  -- told about each change of a recipient's state
  add column callback_url text check (length(callback_url) between 1 and 2000),
  add check (is_message or callback_url is null);

-- Each list reads one kind, and skips none of the other.
create index bulksms_workspace_campaigns on bulksms (workspace_id, id desc) where not is_message;
create index bulksms_workspace_messages on bulksms (workspace_id, id desc) where is_message;
drop index bulksms_workspace;
-- A refused text frees its key.
create index idempotency_key_bulksms on idempotency_key (bulksms_id);

-- A workspace that has callbacks: its signing secrets, and which worker is calling for it.
create table callback_account (
  workspace_id uuid primary key,
  -- AES-256-GCM (the key is not in the database); made on first use
  sealed_secret bytea,
  secret_made_at timestamptz,
  -- the one before, with which calls are signed as well until then
  sealed_previous bytea,
  previous_until timestamptz,
  lease_owner uuid,
  lease_until timestamptz,
  -- the least recently served goes first
  served_at timestamptz not null default now(),
  check ((sealed_previous is null) = (previous_until is null)),
  check (sealed_secret is not null or sealed_previous is null),
  check ((lease_owner is null) = (lease_until is null))
) with (fillfactor = 50);

-- What the application has been told of one message.
create table message_callback (
  bulksms_id uuid primary key references bulksms (id),
  workspace_id uuid not null,
  -- of each recipient, by row_no: the state that a 2xx has acknowledged
  told message_status[] not null,
  -- of the message, when anything of it last changed
  version bigint not null default 0,
  -- when it is looked at next; null: nothing is to be told
  due_at timestamptz,
  -- since when a change waits; the clock of giving up
  waiting_since timestamptz,
  tries int not null default 0,
  last_error text,
  given_up_at timestamptz,
  check ((due_at is null) = (waiting_since is null))
) with (fillfactor = 50);
create index message_callback_due on message_callback (workspace_id, due_at) where due_at is not null;

-- The intent to tell stands in the transaction of the change itself, whoever changes it: each change of a campaign raises its version.
create function callback_is_due() returns trigger language plpgsql as $$
begin
  update message_callback set version = new.version, due_at = now(), waiting_since = coalesce(waiting_since, now()) where bulksms_id = new.id;
  return null;
end $$;
create trigger callback_is_due after update on bulksms for each row
  when (new.callback_url is not null and new.version <> old.version)
  execute function callback_is_due();

grant select on callback_account, message_callback to "check";
grant select, insert, update on callback_account, message_callback to salesapi, sales_worker;
