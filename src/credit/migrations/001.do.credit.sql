-- Database ds: workspaces and their credit, owned by webapi, rpc and general_worker.
-- Amounts are bigint milli-credits. Lock order: workspaces in id order, then holds, then ledger rows.

create table workspace (
  id uuid primary key default uuidv7(),
  name text not null check (length(name) between 1 and 200),
  available bigint not null default 0 check (available >= 0),
  held bigint not null default 0 check (held >= 0),
  spent bigint not null default 0 check (spent >= 0),
  -- grows by one with every change of credit
  version bigint not null default 0,
  created_at timestamptz not null default now()
);

-- Credit set aside for one run of one campaign. open part = amount - settled - released.
--   open -> closed (released, or wholly settled and released)
-- A refused reserve and a release of an unknown hold leave a closed row behind, so that repeats and late comers get the same answer.
create table credit_hold (
  id uuid primary key,
  workspace_id uuid not null references workspace (id),
  amount bigint not null check (amount >= 0),
  settled bigint not null default 0 check (settled >= 0),
  released bigint not null default 0 check (released >= 0),
  state text not null check (state in ('open', 'closed')),
  -- how it came to be: held, refused (too little credit then), tombstone (released before it was reserved)
  origin text not null default 'held' check (origin in ('held', 'refused', 'tombstone')),
  -- what was available when the reserve was refused, so that the repeat says the same
  refused_available bigint check ((refused_available is not null) = (origin = 'refused')),
  created_at timestamptz not null default now(),
  closed_at timestamptz,
  check (settled + released <= amount),
  check ((state = 'closed') = (closed_at is not null)),
  check (state = 'open' or settled + released = amount)
) with (fillfactor = 70);
create index credit_hold_workspace on credit_hold (workspace_id);

-- Double entry, append only: no role may update or delete. transfer_id is the idempotency key.
--   top_up   outside    -> available   id of the top-up request
--   hold     available  -> held        derived from the hold
--   settle   held       -> spent       id of the outbox row in salesdb
--   release  held       -> available   derived from the hold
create table credit_ledger (
  transfer_id uuid primary key,
  kind text not null check (kind in ('top_up', 'hold', 'settle', 'release')),
  workspace_id uuid not null references workspace (id),
  hold_id uuid references credit_hold (id),
  debit text not null check (debit in ('outside', 'available', 'held')),
  credit text not null check (credit in ('available', 'held', 'spent')),
  amount bigint not null check (amount > 0),
  created_at timestamptz not null default now(),
  check ((kind = 'top_up') = (hold_id is null)),
  check ((kind, debit, credit) in (
    ('top_up', 'outside', 'available'), ('hold', 'available', 'held'), ('settle', 'held', 'spent'), ('release', 'held', 'available')))
);
create index credit_ledger_workspace on credit_ledger (workspace_id, created_at desc, transfer_id);
create index credit_ledger_hold on credit_ledger (hold_id) where hold_id is not null;

-- A settle that its hold refused: parked, alarmed, never dropped.
create table settle_refused (
  outbox_id uuid primary key,
  hold_id uuid not null,
  amount bigint not null,
  code text not null,
  created_at timestamptz not null default now()
);

-- Only the SHA-256 of a key is stored. workspace_id null: a key of the whole installation (scope admin).
create table api_key (
  id uuid primary key default uuidv7(),
  workspace_id uuid references workspace (id),
  name text not null check (length(name) between 1 and 200),
  secret_sha256 bytea not null unique check (length(secret_sha256) = 32),
  scopes text[] not null check (scopes <@ array['admin', 'send', 'read']),
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  check (workspace_id is not null or scopes @> array['admin'])
);
create index api_key_workspace on api_key (workspace_id);

-- Answers of top-ups (POST /workspaces/{id}/credit), by Idempotency-Key.
create table idempotency_key (
  workspace_id uuid not null references workspace (id),
  key text not null check (length(key) between 1 and 255),
  request_sha256 bytea not null,
  response_status int not null,
  response jsonb not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, key)
);

-- Least rights.
grant usage on schema public to webapi, rpc, general_worker, "check";
grant select on all tables in schema public to "check";

grant select, insert on workspace to webapi;
grant update (available, held, spent, version) on workspace to webapi, rpc, general_worker;
grant select on workspace to rpc, general_worker;

grant select on credit_hold to webapi;
grant select, insert, update on credit_hold to rpc;
grant select on credit_hold to general_worker;
grant update (settled) on credit_hold to general_worker;

grant select, insert on credit_ledger to webapi, rpc, general_worker;
grant select, insert on settle_refused to general_worker;
grant select on settle_refused to webapi;

grant select, insert on api_key to webapi;
grant update (revoked_at) on api_key to webapi;
grant select on api_key to rpc;

grant select, insert, delete on idempotency_key to webapi;
