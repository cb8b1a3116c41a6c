-- What a request with an idempotency key was answered, written in the transaction of its effect: sent again, it finds its
-- answer instead of a second effect. A request that failed leaves nothing here.
create table answered_request (
    -- Who asked: the same key of somebody else is another key.
    principal text not null,
    -- What was asked, as `POST /couriers`: the same key on another route is another key.
    route text not null,
    key text not null,
    -- SHA-256 of the request: the same key with another request is refused.
    fingerprint bytea not null,
    -- The answer as JSON. Empty only inside the transaction that is about to write it.
    answer text not null,
    answered_us bigint not null,
    primary key (principal, route, key)
);

-- Answers are forgotten by age, oldest first.
create index answered_request_age on answered_request (answered_us);
