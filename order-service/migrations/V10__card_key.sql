-- The key of the code by which a card enters the fingerprint of an idempotency key. All replicas share it, so that a request
-- that is repeated elsewhere is the same request; without it nobody finds a card's number by trying numbers.
create table card_key (
    card_key_id bigint not null primary key,
    secret text not null,
    constraint card_key_one_check check (card_key_id = 1)
);
