-- The original's database salesdb. Rows of bulksms_info are made before sending, then updated one by one.
create table bulksms (
  id uuid primary key,
  workspace_id uuid not null,
  text text not null,
  created_at timestamptz not null default now()
);

-- No index but the key, and room on each page for the updates: the most that its way allows.
create table bulksms_info (
  bulksms_id uuid not null,
  row_no int not null,
  phone text not null,
  status text not null default 'pending',
  error_code text,
  updated_at timestamptz,
  primary key (bulksms_id, row_no)
) with (fillfactor = 50);
