-- A key belongs to whoever sent it: the same key of somebody else is another key. Keys from before there were callers
-- are nobody's.
drop index idempotency_key_waiting;
drop index idempotency_key_created;
alter table idempotency_key rename to nobodys_key;

create table idempotency_key (
    principal text not null,
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
    primary key (principal, route, key)
);

insert into idempotency_key (principal, route, key, fingerprint, order_id, answer, created_at_us)
select 'anonymous:anonymous', route, key, fingerprint, order_id, answer, created_at_us from nobodys_key;

drop table nobodys_key;

-- The move that decides an order settles the keys that wait for it.
create index idempotency_key_waiting on idempotency_key (order_id) where answer is null;

-- Keys are forgotten by age, oldest first.
create index idempotency_key_created on idempotency_key (created_at_us) where answer is not null;
