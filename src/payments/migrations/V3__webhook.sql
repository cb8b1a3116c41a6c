-- What the shop is told, written in the transaction of the change and sent until it is acknowledged.
create table webhook (
    event_id text not null primary key,
    payment_id text not null references payment (payment_id),
    -- The JSON that is sent, to the letter, every time.
    body text not null,
    -- When it is sent next; null once it is acknowledged.
    due_at_us bigint,
    -- Sendings so far: they lengthen the pause.
    attempts bigint not null default 0,
    created_at_us bigint not null
);

-- Most webhooks are acknowledged and not in here.
create index webhook_due on webhook (due_at_us) where due_at_us is not null;
