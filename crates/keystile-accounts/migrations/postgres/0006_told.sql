-- Whoever listens hears that something was revoked in the moment in which it is kept, and looks at once. Nobody depends on it:
-- who hears nothing looks all the same, five times a second.
CREATE FUNCTION keystile_revocation_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('keystile_revocation', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER revocation_told AFTER INSERT ON revocation
    FOR EACH STATEMENT EXECUTE FUNCTION keystile_revocation_told();
