-- A request may be refused before an order is written for it: then its key has its answer from the beginning, and stands for
-- no order. SQLite changes a column by making the table anew.
drop index idempotency_key_order;
drop index idempotency_key_created;
alter table idempotency_key rename to key_of_order;

create table idempotency_key (
    principal text not null,
    -- The call the key was sent with: the same key on another call is another key.
    route text not null,
    key text not null,
    -- SHA-256 of the request: the same key with another request is refused.
    fingerprint blob not null,
    -- Deferred, because the key is written first: it decides whether there is an order to write at all. Null: the request was
    -- refused before one was written.
    order_id text references orders (order_id) deferrable initially deferred,
    -- The first final answer, written in the transaction that settles it; null until then.
    answer text,
    created_at_us integer not null,
    primary key (principal, route, key),
    constraint idempotency_key_order_check check (order_id is not null or answer is not null)
) strict;

insert into idempotency_key (principal, route, key, fingerprint, order_id, answer, created_at_us)
select principal, route, key, fingerprint, order_id, answer, created_at_us from key_of_order;

drop table key_of_order;

create index idempotency_key_order on idempotency_key (order_id);
-- Keys are forgotten by age, oldest first.
create index idempotency_key_created on idempotency_key (created_at_us) where answer is not null;
