-- Keys are forgotten by age, oldest first.
create index idempotency_key_created on idempotency_key (created_at_us) where answer is not null;
