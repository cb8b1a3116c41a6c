-- The keys with which a service signs its tokens. The public halves are served at /.well-known/jwks.json.
create table signing_key (
    -- Counted up by the rotation. Replicas that rotate at once choose the same number, and one of them wins.
    generation bigint primary key,
    -- The thumbprint of the public key (RFC 7638), which tokens name.
    kid text not null,
    -- The 32 bytes of an Ed25519 seed. Whoever reads this table can speak for the service.
    private_key bytea not null,
    public_key bytea not null,
    created_us bigint not null,
    -- Published from its creation on, signs between these two instants, and goes when its last token has expired.
    activates_us bigint not null,
    retires_us bigint not null,
    constraint signing_key_kid_key unique (kid),
    constraint signing_key_span_check check (activates_us < retires_us)
);
