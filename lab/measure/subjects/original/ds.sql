-- The original's database ds: the credit stands in the workspace's row, and nothing says how it came about.
create table workspace (
  id uuid primary key,
  name text not null,
  -- exact decimals, where the original may have had floats: its rounding is not what we measure
  credit numeric(14, 1) not null
) with (fillfactor = 50);
