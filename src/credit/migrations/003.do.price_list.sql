-- What a part costs. A list is never changed; a new one has the next version, and a campaign keeps the version that its messages were priced by.
create table price (
  list_version int not null check (list_version > 0),
  -- an E.164 prefix without the plus; '*': every destination
  destination text not null check (destination ~ '^(\*|[1-9][0-9]{0,14})$'),
  -- milli-credits
  part_milli int not null check (part_milli between 1 and 1000000),
  created_at timestamptz not null default now(),
  primary key (list_version, destination)
);

-- The first list: what BULKSMS_PART_PRICE_MILLI said until now (the migrator passes it), or 0.1 credit.
insert into price (list_version, destination, part_milli)
values (1, '*', coalesce(nullif(current_setting('bulksms.part_price_milli', true), ''), '100')::int);

grant select on price to webapi, rpc, "check";
grant insert on price to webapi;
