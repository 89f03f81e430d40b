-- What a campaign keeps of its file, so that its report can be joined with the file and its rejects can be fixed and sent again.

-- The line of the file on which a message's row begins (of a workbook: its row number), counted from 1.
-- Null: imported before this column existed.
alter table bulksms_info add column line int;

-- A rejected row's own cells, without the empty ones at its end. Null: rejected before this column existed.
alter table bulksms_reject
  add column cells text[],
  -- some of them were too long and end with an ellipsis
  add column is_cut boolean not null default false;

alter table bulksms
  -- names of the file's columns; null when no row was rejected, or before this column existed
  add column file_columns text[],
  -- between the cells of its CSV exports: as in its file, or as is usual in its country
  add column csv_separator text not null default ',' check (csv_separator in (',', ';'));
