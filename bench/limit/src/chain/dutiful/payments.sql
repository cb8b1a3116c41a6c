-- The provider's tables that a card writes, as its migrations leave them.
create table card_token (
    token text not null primary key,
    behaviour text not null,
    brand text not null,
    last4 text not null,
    created_at_us integer not null
) strict;

create table payment (
    payment_id text not null primary key,
    amount_minor integer,
    currency text not null,
    token text references card_token (token),
    status text not null,
    captured_minor integer not null,
    refunded_minor integer not null,
    reason text,
    version integer not null,
    decided_at_us integer,
    created_at_us integer not null,
    updated_at_us integer not null,
    check (status in ('processing', 'succeeded', 'declined', 'canceled', 'refunded')),
    check (amount_minor is not null or status = 'canceled'),
    check (
        captured_minor = case when status in ('succeeded', 'refunded') then amount_minor else 0 end
    ),
    check (
        refunded_minor = case when status = 'refunded' then captured_minor else 0 end
    ),
    check (amount_minor is null or amount_minor >= 1)
) strict;

create index payment_decided on payment (decided_at_us) where decided_at_us is not null;

create table webhook (
    event_id text not null primary key,
    payment_id text not null references payment (payment_id),
    body text not null,
    due_at_us integer,
    attempts integer not null default 0,
    created_at_us integer not null
) strict;

create index webhook_due on webhook (due_at_us) where due_at_us is not null;
create index webhook_payment on webhook (payment_id);
