-- A reset token that was sent to the account's owner. Only its SHA-256 is here: who reads the table resets nothing.
create table password_reset (
    token_sha256 bytea primary key,
    account_id text not null references account (account_id),
    created_at_us bigint not null,
    expires_at_us bigint not null
);

create index password_reset_account on password_reset (account_id);
create index password_reset_expiry on password_reset (expires_at_us);
