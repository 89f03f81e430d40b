-- The line of the file on which a message's row begins (of a workbook: its row number), counted from 1: what a report is joined with the file by.
-- Null: imported before this column existed.
alter table bulksms_info add column line int;
