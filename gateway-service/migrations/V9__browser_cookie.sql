-- The cookie with which a browser shows that somebody signed in at our own page.
create table browser_cookie (
    cookie_sha256 bytea primary key,
    family_id text not null references token_family (family_id)
);

create index browser_cookie_family on browser_cookie (family_id);
