-- Renews an access token, once: each use gives the next one. A second use tells that somebody else has it.
create table refresh_token (
    token_sha256 bytea primary key,
    family_id text not null references token_family (family_id),
    issued_at_us bigint not null,
    expires_at_us bigint not null,
    -- Kept after its use, so that a second use is noticed.
    used_at_us bigint
);

create index refresh_token_expiry on refresh_token (expires_at_us);
create index refresh_token_family on refresh_token (family_id);
