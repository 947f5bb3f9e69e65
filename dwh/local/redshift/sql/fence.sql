-- What a client may define: what Redshift has, and this stand-in with it. PostgreSQL would let the owner of the database define
-- functions, operators, triggers and extensions besides, which run with the rights of whoever comes across them.
-- This file comes last: from here on it holds for everybody, on any connection.
CREATE FUNCTION redshift.allowed_ddl() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF tg_tag NOT IN (
        'CREATE SCHEMA', 'ALTER SCHEMA', 'DROP SCHEMA',
        'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'DROP TABLE',
        'CREATE VIEW', 'ALTER VIEW', 'DROP VIEW',
        'CREATE MATERIALIZED VIEW', 'REFRESH MATERIALIZED VIEW', 'DROP MATERIALIZED VIEW',
        'CREATE INDEX', 'DROP INDEX', -- zone maps
        'GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES', 'COMMENT')
    THEN
        RAISE EXCEPTION USING MESSAGE = format('%s is not supported by the local target', tg_tag), ERRCODE = '0A000';
    END IF;
END $$;
CREATE EVENT TRIGGER redshift ON ddl_command_start EXECUTE FUNCTION redshift.allowed_ddl();
