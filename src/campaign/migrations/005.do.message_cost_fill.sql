-- The cost of messages from before the price list: parts by the price of their campaign. (Its own transaction: the table of 004 is not locked meanwhile.)
-- Campaign by campaign under its lock, in id order like every other writer. One that is still importing gets it when it is ready.
do $$
declare
  campaign record;
  first_price int := (select (prices -> 0 ->> 'partMilli')::int from known_price_list where version = 1);
begin
  for campaign in select id, price from bulksms where status not in ('importing', 'import_failed') and price_version is null
    order by id for no key update loop
    update bulksms_info set cost_milli = parts * campaign.price where bulksms_id = campaign.id and cost_milli is null;
    update bulksms set price_version = case when price = first_price then 1 else 0 end,
      cost_milli = parts * price, charged_milli = parts_sent * price where id = campaign.id;
  end loop;
end $$;
