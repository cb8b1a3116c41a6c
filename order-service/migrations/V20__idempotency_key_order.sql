-- A key is written before the order that it stands for, so its foreign key is deferred, and every new order is looked for
-- among the keys. The index must have all of them: a partial one is of no use for that, and the whole table was read for
-- each purchase. It also finds the keys that wait for an order's answer, as the partial one did.
drop index idempotency_key_waiting;
create index idempotency_key_order on idempotency_key (order_id);
