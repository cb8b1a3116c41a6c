-- A program's credential. The key itself is shown once and kept by nobody here: only its SHA-256, which is enough for
-- 256 random bits.
create table api_key (
    key_id text primary key,
    -- Whose it is: it allows no more than its owner may do. Null for the keys that the configuration names.
    account_id text references account (account_id),
    name text not null,
    key_sha256 bytea not null,
    -- Separated by spaces, as OAuth2 has them.
    scopes text not null,
    created_at_us bigint not null,
    expires_at_us bigint,
    -- To a few minutes: a write per call would cost more than it tells.
    last_used_at_us bigint,
    revoked_at_us bigint,
    constraint api_key_key_sha256_key unique (key_sha256)
);

create index api_key_account on api_key (account_id, key_id);
