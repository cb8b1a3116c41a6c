-- Which order a key stands for, written in the transaction that writes the order: of two requests with one key the
-- second finds the first's row and joins its order.
create table idempotency_key (
    -- The call the key was sent with: the same key on another call is another key.
    route text not null,
    key text not null,
    -- SHA-256 of the request: the same key with another request is refused.
    fingerprint bytea not null,
    -- Deferred, because the key is written first: it decides whether there is an order to write at all.
    order_id text not null references orders (order_id) deferrable initially deferred,
    -- The first final answer, written in the transaction that settles it; null until then.
    answer text,
    created_at_us bigint not null,
    primary key (route, key)
);

-- The move that decides an order settles the keys that wait for it.
create index idempotency_key_waiting on idempotency_key (order_id) where answer is null;
