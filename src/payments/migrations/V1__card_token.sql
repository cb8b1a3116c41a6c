-- A token that was given for a card. Of the card itself only this remains: what it does, and by what its owner knows it.
create table card_token (
    token text not null primary key,
    behaviour text not null,
    brand text not null,
    last4 text not null,
    created_at_us bigint not null
);
