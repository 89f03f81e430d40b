-- What each message costs, written by its import at the price list of that moment; and what the campaign's messages cost together, which is its hold.
-- bulksms.price stays while processes of the version before may run: they charge by it. It is the price of the list, when the list has one for all.
alter table bulksms_info add column cost_milli int;
alter table bulksms
  -- the list that the messages have their cost from; null while they are being re-priced, 0: a price from before there were lists
  add column price_version int,
  -- the list by which they are being re-priced
  add column repricing_version int,
  -- sum of the messages' cost, and of those that were sent
  add column cost_milli bigint not null default 0 check (cost_milli >= 0),
  add column charged_milli bigint not null default 0 check (charged_milli >= 0);

-- Price lists as salesapi last heard of them: imports go on with them while rpc is away.
create table known_price_list (
  version int primary key,
  -- [{"destination": "*", "partMilli": 100}]
  prices jsonb not null,
  learned_at timestamptz not null default now()
);
insert into known_price_list (version, prices)
values (1, jsonb_build_array(jsonb_build_object('destination', '*', 'partMilli',
  coalesce(nullif(current_setting('bulksms.part_price_milli', true), ''), '100')::int)));
grant select, insert on known_price_list to salesapi;
grant select on known_price_list to "check";

-- For the length of a restart, while processes of the version before still write by the price of the campaign: their imports get the messages' cost,
-- their runs the cost of the price they ran at, their charges the sum.
create function cost_for_version_before() returns trigger language plpgsql as $$
begin
  if new.price_version is null and new.repricing_version is null and new.status in ('ready', 'reserving')
    or new.price <> old.price and new.price_version is not distinct from old.price_version then
    update bulksms_info set cost_milli = parts * new.price where bulksms_id = new.id;
    new.cost_milli := new.parts * new.price;
    new.price_version := case when new.price = (select (prices -> 0 ->> 'partMilli')::int from known_price_list where version = 1) then 1 else 0 end;
  end if;
  if new.parts_sent <> old.parts_sent and new.charged_milli = old.charged_milli then
    new.charged_milli := old.charged_milli + (new.parts_sent - old.parts_sent) * new.price;
  end if;
  return new;
end $$;
create trigger cost_for_version_before before update on bulksms for each row
  when (new.price <> old.price and new.price_version is not distinct from old.price_version
    or new.parts_sent <> old.parts_sent and new.charged_milli = old.charged_milli
    or new.status = 'ready' and old.status = 'importing' and new.price_version is null)
  execute function cost_for_version_before();
