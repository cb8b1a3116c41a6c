-- Who was asked for the money: whoever is configured later, this payment is settled where it was opened. Null: it is older
-- than this column, and whoever takes such payments now is asked.
alter table payment add column provider text
    constraint payment_provider_check check (provider is null or provider in ('sandbox', 'stripe', 'receipts'));
