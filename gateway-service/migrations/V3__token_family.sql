-- One sign-in, or one consent: every token that descends from it names it, so ending the family ends them all.
create table token_family (
    family_id text primary key,
    -- Null where an application acts for itself.
    account_id text references account (account_id),
    -- The OAuth2 application that was let in; null for the shop's own sign-ins.
    application_id text,
    kind text not null,
    -- Separated by spaces, as OAuth2 has them.
    scopes text not null,
    -- The account's number when the family began: a family of an older number is over.
    generation bigint not null,
    created_at_us bigint not null,
    -- No token of the family lives longer than this.
    expires_at_us bigint not null,
    revoked_at_us bigint,
    -- Why, for whoever looks into it: `signed out`, `code used twice`, `refresh token used twice`.
    revoked_because text,
    constraint token_family_kind_check
        check (kind in ('password', 'browser', 'authorization_code', 'client_credentials'))
);

create index token_family_expiry on token_family (expires_at_us);
create index token_family_account on token_family (account_id);
