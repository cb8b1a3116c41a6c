-- A message to a subscriber, written in the transaction that takes note of the event. It is sent until it is delivered, for
-- a day; a crash between sending and recording sends it again under the same id, by which the subscriber knows it.
create table webhook_message (
    -- The `webhook-id` of every attempt.
    message_id text not null primary key,
    webhook_id text not null references webhook (webhook_id),
    event text not null,
    order_id text not null references orders (order_id),
    version bigint not null,
    -- The exact text that is signed and sent.
    body text not null,
    status text not null,
    attempts bigint not null default 0,
    -- Attempts since it was written or resent by hand: they lengthen the pause.
    tries bigint not null default 0,
    -- Not before this instant. While it is being sent: when it is tried again should its sender not come back.
    due_at_us bigint,
    created_at_us bigint not null,
    -- One event, one message per subscriber.
    constraint webhook_message_webhook_id_event_order_id_version_key unique (webhook_id, event, order_id, version),
    constraint webhook_message_status_check check (status in ('pending', 'delivered', 'failed')),
    constraint webhook_message_due_check check ((status = 'pending') = (due_at_us is not null))
);

create index webhook_message_due on webhook_message (due_at_us) where due_at_us is not null;
-- A subscriber's log, latest first.
create index webhook_message_webhook on webhook_message (webhook_id, message_id);

-- What became of each attempt. Nothing here is ever changed.
create table webhook_attempt (
    message_id text not null references webhook_message (message_id),
    attempt bigint not null,
    -- The status of the subscriber's answer, where there was one.
    status bigint,
    detail text,
    at_us bigint not null,
    primary key (message_id, attempt)
);
