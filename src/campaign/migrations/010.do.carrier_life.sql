-- How many of a campaign's expired messages were sent to where no receipt comes from: they carry the error code `unconfirmed`.
alter table bulksms add column unconfirmed int not null default 0 check (unconfirmed between 0 and expired);

-- A campaign that is given another carrier before it runs.
alter table bulksms
  -- its messages are being judged by the rules of this one; null: they are not, and it may run
  add column next_carrier_id uuid references carrier (id),
  -- whether its file is one of the examples; null: imported before this column existed
  add column is_example_file boolean;
-- fewer messages are cut into chunks anew
grant delete on bulksms_chunk to salesapi;

-- A carrier that throttles, or refuses the account, rests as a whole: all its links, in all workers.
alter table carrier
  -- nothing is submitted, and no link opened, sooner than this
  add column rests_until timestamptz,
  add column rest_reason text;
grant update (rests_until, rest_reason) on carrier to sales_worker;
