-- The gateway's table that a purchase writes, as its migrations leave it.
create table audit_entry (
    entry_id integer primary key autoincrement,
    at_us integer not null,
    actor text not null,
    on_behalf_of text,
    action text not null,
    resource text,
    outcome text not null check (outcome in ('done', 'refused', 'unknown')),
    detail text,
    address text,
    request_id text
) strict;

create index audit_entry_actor on audit_entry (actor, entry_id);
create index audit_entry_resource on audit_entry (resource, entry_id);

create trigger audit_entry_stays_as_it_is before update on audit_entry
begin
    select raise(abort, 'audit entries are not changed');
end;

create trigger audit_entry_stays before delete on audit_entry
begin
    select raise(abort, 'audit entries are not deleted');
end;
