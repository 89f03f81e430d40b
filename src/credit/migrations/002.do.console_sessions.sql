-- Who is signed in to the console. Only the SHA-256 of a token is stored, as with keys.

-- A link that signs in once: using it deletes it.
create table console_link (
  secret_sha256 bytea primary key check (length(secret_sha256) = 32),
  workspace_id uuid not null references workspace (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index console_link_workspace on console_link (workspace_id);

-- A browser that is signed in; signing out deletes it. key_id: the API key that it was made from, and whose revoking ends it; null: made from a link.
create table console_session (
  id uuid primary key default uuidv7(),
  secret_sha256 bytea not null unique check (length(secret_sha256) = 32),
  workspace_id uuid not null references workspace (id),
  key_id uuid references api_key (id),
  scopes text[] not null check (scopes <@ array['admin', 'send', 'read']),
  -- made by a key of the whole installation, or by a link: may watch what all workspaces do together
  sees_system boolean not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index console_session_workspace on console_session (workspace_id, id);

grant select, insert, delete on console_link, console_session to webapi;
grant select on console_session to rpc;
