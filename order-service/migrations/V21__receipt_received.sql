-- The list of all receipts, as they came. The one of those to be given back has an index of its own.
create index receipt_received on receipt (received_at_us, event_id);
