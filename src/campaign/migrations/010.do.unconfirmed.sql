-- How many of a campaign's expired messages were sent to where no receipt comes from: they carry the error code `unconfirmed`.
alter table bulksms add column unconfirmed int not null default 0 check (unconfirmed between 0 and expired);
