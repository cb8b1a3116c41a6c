-- The ledger: a payment per row, under the id that the shop chose.
create table payment (
    payment_id text not null primary key,
    -- What was asked for, in minor units. Null where the shop canceled the payment before it arrived: it finds this row
    -- and captures nothing.
    amount_minor bigint,
    currency text not null,
    -- The token of the card; null for an invoice.
    token text references card_token (token),
    status text not null,
    -- What was captured, given back or not, and how much of it was given back.
    captured_minor bigint not null,
    refunded_minor bigint not null,
    reason text,
    -- Counted up by every change, each of which names the version it rests on.
    version bigint not null,
    -- When the bank decides, for cards whose bank takes its time; null otherwise.
    decided_at_us bigint,
    created_at_us bigint not null,
    updated_at_us bigint not null,
    constraint payment_status_check
        check (status in ('processing', 'succeeded', 'declined', 'canceled', 'refunded')),
    -- Only a canceled payment was perhaps never opened.
    constraint payment_asked_check check (amount_minor is not null or status = 'canceled'),
    -- Money is captured whole and given back whole, and never given back without having been captured.
    constraint payment_captured_check check (
        captured_minor = case when status in ('succeeded', 'refunded') then amount_minor else 0 end
    ),
    constraint payment_refunded_check check (
        refunded_minor = case when status = 'refunded' then captured_minor else 0 end
    ),
    constraint payment_amount_check check (amount_minor is null or amount_minor >= 1)
);

-- The bank decides what is due.
create index payment_decided on payment (decided_at_us) where decided_at_us is not null;
