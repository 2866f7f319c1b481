-- A transaction that notifies holds a lock of the whole cluster's until it is on disk: sign-outs were kept one after another. A
-- connection that says it after its commits is left alone; for everybody else (an older node, somebody with psql) the trigger says it.
CREATE OR REPLACE FUNCTION keystile_revocation_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('keystile.tells_after_commit', true) IS DISTINCT FROM 'on' THEN
        PERFORM pg_catalog.pg_notify('keystile_revocation', '');
    END IF;
    RETURN NULL;
END
$$;
