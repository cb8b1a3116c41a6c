-- Money that arrived outside of any provider's API, as it was reported to us: the ledger of the provider `receipts`. A row
-- is written in the transaction that remembers its event, and its amount is never touched again.
create table receipt (
    -- The reporter's own id for it: the same one is the same money.
    event_id text not null primary key,
    order_id text not null references orders (order_id),
    -- The payment that it pays. Null: it pays nothing (the amount is another, the order is paid, or it is not to be paid
    -- this way), and somebody has to give it back.
    payment_id text,
    amount_minor bigint not null,
    currency text not null,
    received_at_us bigint not null,
    -- When an employee had given it back, and who he was.
    returned_at_us bigint,
    returned_by text,
    constraint receipt_amount_check check (amount_minor >= 0),
    constraint receipt_returned_check check ((returned_at_us is null) = (returned_by is null)),
    -- One receipt pays a payment; whatever else arrives is somebody's to give back.
    constraint receipt_payment_id_key unique (payment_id)
);

-- An order's own receipts.
create index receipt_order on receipt (order_id, received_at_us);

-- What is to be given back, or may have to be: most receipts are of orders that are paid and done.
create index receipt_kept on receipt (received_at_us, event_id) where returned_at_us is null;
