-- What a person's consent gives to an application, by way of the browser: a code for one token, good for a minute.
create table authorization_code (
    code_sha256 bytea primary key,
    family_id text not null references token_family (family_id),
    application_id text not null references application (application_id),
    -- As it stood in the request; null where the request named none.
    redirect_uri text,
    -- Base64url of the SHA-256 of the verifier that the application keeps to itself (RFC 7636): a stolen code is
    -- worthless without it.
    code_challenge text not null,
    expires_at_us bigint not null,
    -- Kept after its use, so that a second use is noticed.
    used_at_us bigint
);

create index authorization_code_expiry on authorization_code (expires_at_us);
create index authorization_code_family on authorization_code (family_id);
