-- A request may be refused before an order is written for it: then its key has its answer from the beginning, and stands for
-- no order.
alter table idempotency_key alter column order_id drop not null;
alter table idempotency_key
    add constraint idempotency_key_order_check check (order_id is not null or answer is not null);
