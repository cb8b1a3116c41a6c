-- An attempt to pay, written before its provider is asked; `<order_id>:<n>` is its id there. The order's `payment` is
-- derived from these rows, in the transaction that changes them.
create table payment (
    order_id text not null references orders (order_id),
    n bigint not null,
    method text not null,
    -- Zero while the copies are not taken, and their price is not known.
    amount_minor bigint not null,
    -- What stands for a card at its provider: kept for as long as the card may have to be charged. Never the card.
    token text,
    -- What the provider calls the payment, where it insists on names of its own.
    provider_ref text,
    state text not null,
    reason text,
    primary key (order_id, n),
    constraint payment_method_check check (method in ('card', 'invoice')),
    constraint payment_state_check check (state in ('planned', 'charging', 'processing', 'canceling', 'succeeded',
                                                    'refunding', 'declined', 'canceled', 'refunded')),
    constraint payment_amount_check check (amount_minor >= 0 and (amount_minor = 0 or state <> 'planned')),
    constraint payment_token_check check (token is null or state in ('planned', 'charging', 'processing'))
);

-- One payment pays for an order; whatever else captured anything is refunded.
create unique index payment_succeeded_key on payment (order_id) where state = 'succeeded';
