-- A refresh token is used by its own application, and an application that is removed takes its sign-ins with it: both ask
-- for families by application.
create index token_family_application on token_family (application_id) where application_id is not null;

-- Families that ended are cleaned up, by expiry or by revocation.
create index token_family_revoked on token_family (revoked_at_us) where revoked_at_us is not null;
