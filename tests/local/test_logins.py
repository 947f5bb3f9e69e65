"""No login that the API hands out reaches more than its database: neither files nor programs nor the system's user.

Tried on PostgreSQL itself, past the endpoint, which refuses most of it by name: nothing depends on that.
What the logins are for goes on working.
"""

# ruff: noqa: F811 - the fixtures are imported by the name under which they are asked for
from __future__ import annotations

import contextlib

import psycopg2
import pytest
from launcher_fixtures import CLUSTER, NAME, available, refused, shared  # noqa: F401
from psycopg2 import extras

from dwh.local.redshift import homes, roles
from tests.local.conftest import DATABASE, ROLE, USER, Warehouse

MASTER = {"user": CLUSTER["MasterUsername"], "password": CLUSTER["MasterUserPassword"]}
# The last one gives up the user for whom it was lent.
LOGINS = ("master", "temporary", "auto-created", "created", "creator", "no role")


@pytest.fixture(scope="module")
def socket(available):
    """Where PostgreSQL listens, past the endpoint: nobody but the user who started it gets there."""
    return homes.place_of(available.state / "clusters" / f"us-west-2-{NAME}")


@pytest.fixture(scope="module")
def logins(available, socket):
    """Every kind of login: the master password, temporary ones, and those of users that the master made."""

    def temporary(**options):
        with available.target() as target:
            found = target.client("redshift").get_cluster_credentials(ClusterIdentifier=NAME, **options)
        return {"user": found["DbUser"], "password": found["DbPassword"]}

    found = {
        "master": MASTER,
        "temporary": temporary(DbUser=MASTER["user"]),
        "auto-created": temporary(DbUser="visitor", AutoCreate=True),
        "created": {"user": "analyst", "password": "Analyst-1"},
        "creator": {"user": "creator", "password": "Creator-1"},
    }
    with bare(socket, MASTER) as cursor:
        cursor.execute("CREATE USER analyst PASSWORD 'Analyst-1'")
        cursor.execute("CREATE USER creator CREATEROLE PASSWORD 'Creator-1'")
        cursor.execute("GRANT CREATE ON SCHEMA public TO analyst, visitor, creator")
        cursor.execute("GRANT CREATE ON DATABASE sparkify TO creator")
    return found | {"no role": found["temporary"] | {"options": "-c role=none"}}


@contextlib.contextmanager
def bare(socket, login, dbname="sparkify", **options):
    """A cursor in autocommit on a connection of psycopg2's own."""
    place = {"host": str(socket), "dbname": dbname, "connect_timeout": 10}
    with contextlib.closing(psycopg2.connect(**place | login | options)) as connection:
        connection.autocommit = True
        yield connection.cursor()


@pytest.fixture(scope="module", params=LOGINS)
def login(request, logins):
    return logins[request.param]


@pytest.fixture(scope="module")
def cursor(socket, login):
    with bare(socket, login) as found:
        yield found


OUT_OF_REACH = [
    # programs and files
    "COPY (SELECT 1) TO PROGRAM 'touch {proof}'",
    "CREATE TEMP TABLE x (a text); COPY x FROM PROGRAM 'touch {proof}'",
    "CREATE TEMP TABLE y (a text); COPY y FROM '/etc/passwd'",
    "COPY (SELECT 1) TO '{proof}'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT pg_ls_dir('.')",
    "SELECT * FROM pg_ls_logdir()",
    "SELECT * FROM pg_ls_waldir()",
    "SELECT * FROM pg_ls_tmpdir()",
    "SELECT pg_stat_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(lo_from_bytea(0, 'x'), '{proof}')",
    "SELECT pg_current_logfile()",
    "SELECT * FROM pg_hba_file_rules()",
    "SELECT * FROM pg_ident_file_mappings()",
    "SELECT * FROM pg_ls_logicalsnapdir()",
    "SELECT * FROM pg_show_all_file_settings()",
    "SELECT current_setting('data_directory')",
    "SELECT * FROM pg_config()",
    "CREATE TABLESPACE t LOCATION '/tmp'",
    "CREATE TABLE read AS SELECT pg_read_file('/etc/passwd') AS a",
    "PREPARE p AS SELECT pg_read_file('/etc/passwd'); EXECUTE p",
    "BEGIN; DECLARE c CURSOR FOR SELECT pg_read_file('/etc/passwd'); FETCH c",
    "CREATE VIEW pg_temp.v AS SELECT pg_read_file('/etc/passwd'); SELECT * FROM pg_temp.v",
    "CREATE TEMP TABLE d (a text DEFAULT pg_read_file('/etc/passwd')); INSERT INTO d DEFAULT VALUES",
    "CREATE TEMP TABLE k (a int CHECK (pg_read_file('/etc/passwd') <> '')); INSERT INTO k VALUES (1)",
    "SELECT query_to_xml('SELECT pg_read_file(''/etc/passwd'')', true, true, '')",
    "SELECT * FROM ts_stat('SELECT pg_read_file(''/etc/passwd'')::tsvector')",
    "EXPLAIN ANALYZE SELECT pg_read_file('/etc/passwd')",
    "MERGE INTO pg_authid USING (SELECT 1) x ON true WHEN MATCHED THEN UPDATE SET rolsuper = true",
    "DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {proof}'''; END $$",
    "DO $$ BEGIN EXECUTE 'SET SESSION AUTHORIZATION rdsdb'; END $$",
    "SELECT redshift.resize('redshift.load_errors', 'userid', 'bigint')",
    "INSERT INTO redshift.column_attributes VALUES ('redshift.load_errors'::regclass, 4, '', false, 1);"
    " SELECT redshift.zone_maps('redshift.load_errors')",
    # code that is loaded
    "LOAD 'auto_explain'",
    "LOAD '/tmp/x.so'",
    "LOAD '$libdir/dblink'",
    "SET session_preload_libraries TO 'auto_explain'",
    "SET dynamic_library_path TO '/tmp'",
    "ALTER ROLE CURRENT_USER SET session_preload_libraries TO 'auto_explain'",
    "ALTER DATABASE sparkify SET session_preload_libraries TO 'auto_explain'",
    "CREATE FUNCTION c() RETURNS int LANGUAGE c AS 'libc.so.6', 'system'",
    "CREATE FUNCTION i(internal) RETURNS internal LANGUAGE internal AS 'loread'",
    "CREATE FUNCTION s() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    "CREATE FUNCTION p() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
    "CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1'",
    "DO LANGUAGE c 'x'",
    "DO $$ BEGIN EXECUTE 'CREATE FUNCTION q() RETURNS int LANGUAGE sql AS ''SELECT 1'''; END $$",
    "CREATE LANGUAGE plperlu",
    "CREATE LANGUAGE plperl",
    "CREATE EXTENSION file_fdw",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION postgres_fdw",
    "CREATE EXTENSION pageinspect",
    "CREATE EXTENSION hstore",
    "CREATE EXTENSION pg_trgm",
    "CREATE EXTENSION lo",
    "CREATE FOREIGN DATA WRAPPER f",
    "CREATE SERVER f FOREIGN DATA WRAPPER file_fdw",
    "CREATE ACCESS METHOD a TYPE INDEX HANDLER bthandler",
    "CREATE TYPE shell",
    "CREATE DOMAIN d AS int",
    'CREATE COLLATION c FROM "C"',
    "CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1",
    "CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION abs(int))",
    "CREATE USER MAPPING FOR CURRENT_USER SERVER f",
    "IMPORT FOREIGN SCHEMA s FROM SERVER f INTO public",
    "SECURITY LABEL ON SCHEMA public IS 'x'",
    "CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
    "CREATE CAST (text AS int) WITH INOUT AS IMPLICIT",
    "CREATE AGGREGATE a (int) (SFUNC = int4pl, STYPE = int)",
    "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple)",
    "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION redshift.allowed_ddl()",
    "DROP EVENT TRIGGER redshift",
    "ALTER EVENT TRIGGER redshift DISABLE",
    "SET event_triggers TO off",
    "SET session_replication_role TO replica",
    "SET allow_system_table_mods TO on",
    # code that another user would run
    "CREATE TEMP TABLE z (a int); CREATE RULE r AS ON INSERT TO z DO ALSO SELECT 1",
    "CREATE TEMP TABLE z (a int); CREATE TRIGGER t AFTER INSERT ON z EXECUTE FUNCTION unique_key_recheck()",
    "CREATE TEMP TABLE z (a int); CREATE POLICY p ON z USING (true)",
    "CREATE OR REPLACE FUNCTION redshift.inform(message text) RETURNS void LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION pg_catalog.getdate() RETURNS timestamp LANGUAGE sql AS 'SELECT now()::timestamp'",
    "CREATE OR REPLACE VIEW pg_catalog.stl_load_errors AS SELECT 1",
    "CREATE OR REPLACE VIEW information_schema.key_column_usage AS SELECT 1",
    "ALTER FUNCTION redshift.inform(text) SECURITY DEFINER",
    "ALTER FUNCTION redshift.inform(text) OWNER TO CURRENT_USER",
    "ALTER VIEW pg_catalog.svv_transactions OWNER TO CURRENT_USER",
    "ALTER TABLE redshift.load_errors ADD COLUMN x int",
    "DROP FUNCTION redshift.inform(text)",
    "DROP VIEW pg_catalog.svv_transactions",
    "DROP SCHEMA redshift CASCADE",
    "CREATE TABLE redshift.mine (a int)",
    "CREATE TABLE pg_catalog.mine (a int)",
    "CREATE TABLE information_schema.mine (a int)",
    "CREATE VIEW pg_catalog.mine AS SELECT 1",
    "ALTER SCHEMA redshift RENAME TO taken",
    "ALTER SCHEMA pg_catalog OWNER TO CURRENT_USER",
    "UPDATE pg_proc SET prosecdef = true",
    "UPDATE pg_authid SET rolsuper = true",
    "INSERT INTO pg_auth_members SELECT * FROM pg_auth_members",
    "DELETE FROM pg_rewrite",
    "TRUNCATE pg_proc",
    # becoming somebody else
    "SET ROLE rdsdb",
    "SET SESSION AUTHORIZATION rdsdb",
    "SELECT set_config('role', 'rdsdb', false)",
    "SELECT set_config('session_authorization', 'rdsdb', false)",
    "SET ROLE pg_execute_server_program",
    "SET ROLE pg_read_server_files",
    "SET ROLE pg_write_server_files",
    "SET ROLE pg_read_all_data",
    "GRANT rdsdb TO CURRENT_USER",
    "GRANT pg_execute_server_program TO CURRENT_USER",
    "GRANT pg_read_server_files TO CURRENT_USER",
    "GRANT pg_write_server_files TO CURRENT_USER",
    "GRANT pg_read_all_settings TO CURRENT_USER",
    "GRANT pg_create_subscription TO CURRENT_USER",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER REPLICATION",
    "ALTER ROLE CURRENT_USER BYPASSRLS",
    "ALTER ROLE CURRENT_USER CREATEDB",
    "CREATE ROLE evil SUPERUSER",
    "CREATE ROLE evil REPLICATION",
    "CREATE ROLE evil IN ROLE rdsdb",
    "CREATE ROLE evil IN ROLE pg_execute_server_program",
    "ALTER ROLE rdsdb PASSWORD 'x'",
    "ALTER ROLE rdsdb RENAME TO evil",
    "ALTER ROLE rdsdb SET search_path TO public",
    "ALTER ROLE ALL SET search_path TO public",
    "ALTER ROLE ALL IN DATABASE postgres SET search_path TO public",
    "DROP ROLE rdsdb",
    "REASSIGN OWNED BY rdsdb TO CURRENT_USER",
    "DROP OWNED BY rdsdb",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "COPY pg_authid TO STDOUT",
    "SELECT * FROM pg_user_mapping",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_largeobject",
    # the server itself
    "ALTER SYSTEM SET archive_command TO 'touch {proof}'",
    "ALTER SYSTEM RESET ALL",
    "GRANT ALTER SYSTEM ON PARAMETER archive_command TO CURRENT_USER",
    "GRANT SET ON PARAMETER session_preload_libraries TO CURRENT_USER",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_restore_point('x')",
    "SELECT pg_backup_start('x')",
    "SELECT pg_promote()",
    "SELECT pg_create_physical_replication_slot('x')",
    "SELECT pg_replication_origin_create('x')",
    "SELECT pg_log_backend_memory_contexts(pg_backend_pid())",
    "CHECKPOINT",
    "CREATE DATABASE other",
    "CREATE DATABASE other TEMPLATE template1",
    "ALTER DATABASE postgres SET search_path TO public",
    "ALTER DATABASE template1 OWNER TO CURRENT_USER",
    "DROP DATABASE postgres",
    "CREATE PUBLICATION p",
    "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p",
    "BEGIN; LOCK TABLE pg_authid",
    "REINDEX TABLE pg_authid",
    "SET log_statement TO 'all'",
    "SET lo_compat_privileges TO on",
    "SET zero_damaged_pages TO on",
    "ALTER LARGE OBJECT 1 OWNER TO rdsdb",
]


@pytest.mark.parametrize("statement", OUT_OF_REACH)
def test_out_of_reach(cursor, statement, tmp_path):
    tmp_path.chmod(0o777)
    proof = tmp_path / "proof"
    with pytest.raises(psycopg2.Error) as raised:
        cursor.execute(statement.format(proof=proof))
    assert raised.value.pgcode in ("42501", "0A000"), raised.value
    assert not proof.exists()
    cursor.execute("ROLLBACK")


def test_what_is_out_of_reach_is_so_through_the_endpoint(available, tmp_path):
    tmp_path.chmod(0o777)
    proof = tmp_path / "proof"
    with available.target() as target, contextlib.closing(target.connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in OUT_OF_REACH:
                with pytest.raises(psycopg2.Error):
                    cursor.execute(statement.format(proof=proof))
                assert not proof.exists(), statement
                cursor.execute("ROLLBACK")


def test_what_is_passed_over_with_a_warning_is_not_done_either(cursor):
    for statement in ("GRANT CREATE ON SCHEMA redshift TO PUBLIC", "GRANT ALL ON SCHEMA pg_catalog TO PUBLIC"):
        with contextlib.suppress(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)
    with contextlib.suppress(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT pg_read_file('/etc/passwd')")
    for statement in ("VACUUM FULL pg_authid", "ANALYZE pg_authid"):
        cursor.execute(statement)
        assert "permission denied" in cursor.connection.notices[-1]
    cursor.execute("SELECT has_schema_privilege('redshift', 'CREATE'), has_schema_privilege('pg_catalog', 'CREATE')")
    assert cursor.fetchall() == [(False, False)]


def test_an_external_entity_of_xml_is_not_read(cursor):
    with contextlib.suppress(psycopg2.errors.FeatureNotSupported, psycopg2.errors.InvalidXmlDocument):
        cursor.execute(
            """SELECT xmlparse(DOCUMENT '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>')"""
        )
        assert "root:" not in cursor.fetchone()[0]


@pytest.mark.parametrize("dbname", ["postgres", "template1", "template0"])
def test_no_other_database_takes_a_login(socket, login, dbname):
    with (
        pytest.raises(psycopg2.OperationalError, match=r"rejects connection|not currently accepting"),
        bare(socket, login, dbname),
    ):
        pass


@pytest.mark.parametrize(
    "options",
    [
        {"options": "-c role=rdsdb"},
        {"options": "-c session_authorization=rdsdb"},
        {"options": "-c local_preload_libraries=dblink"},
        {"options": "-c local_preload_libraries=/tmp/x"},
        {"options": "-c session_preload_libraries=dblink"},
        {"options": "-c allow_system_table_mods=on"},
        {"options": "-c session_replication_role=replica"},
        {"connection_factory": extras.LogicalReplicationConnection},
        {"connection_factory": extras.PhysicalReplicationConnection},
    ],
    ids=str,
)
def test_no_option_of_a_connection_gives_more(socket, login, options):
    with pytest.raises(psycopg2.OperationalError), bare(socket, login, **options):
        pass


@pytest.mark.parametrize(
    "name",
    [
        "rdsdb",
        "pg_execute_server_program",
        "pg_read_server_files",
        "pg_monitor",
        "public",
        "none",
        "redshift",
        "IAM:analyst",
    ],
)
@pytest.mark.parametrize("auto_create", [False, True])
def test_no_login_is_lent_for_the_system_or_a_role_of_postgresql(available, name, auto_create):
    with available.target() as target:
        redshift = target.client("redshift")
        options = {"ClusterIdentifier": NAME, "DbUser": name, "AutoCreate": auto_create}
        assert name in refused(redshift.get_cluster_credentials, "InvalidParameterValue", **options)


NOT_MASTER = [
    "SET ROLE sparkify_admin",
    "GRANT sparkify_admin TO CURRENT_USER",
    "ALTER ROLE sparkify_admin PASSWORD 'x'",
    "ALTER ROLE sparkify_admin SET search_path TO public",
    'SET ROLE "IAM:sparkify_admin"',
    'GRANT "IAM:sparkify_admin" TO CURRENT_USER',
    "ALTER ROLE \"IAM:sparkify_admin\" PASSWORD 'x'",
    "CREATE ROLE evil IN ROLE sparkify_admin",
    "ALTER ROLE stranger PASSWORD 'x'",
    "GRANT stranger TO CURRENT_USER",
    "GRANT pg_signal_backend TO CURRENT_USER",
    "GRANT pg_read_all_stats TO CURRENT_USER",
    "ALTER DATABASE sparkify SET search_path TO public",
    "ALTER ROLE ALL IN DATABASE sparkify SET search_path TO public",
    "DROP SCHEMA public CASCADE",
]


@pytest.mark.parametrize("statement", NOT_MASTER)
@pytest.mark.parametrize("who", ["auto-created", "created", "creator"])
def test_a_user_does_not_become_the_master_or_another_user(socket, logins, who, statement):
    with bare(socket, MASTER) as cursor, contextlib.suppress(psycopg2.errors.DuplicateObject):
        cursor.execute("CREATE USER stranger")
    with bare(socket, logins[who]) as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(statement)


@pytest.mark.parametrize("user", ["sparkify_admin", "victim"])
def test_the_name_of_a_login_that_somebody_has_taken_gives_him_nothing(socket, logins, available, user):
    """Who makes a role is a member of it, and so would be of the user for whom it is lent."""
    with bare(socket, logins["creator"]) as cursor:
        cursor.execute(f'CREATE ROLE "IAMA:{user}"')
        with available.target() as target:
            found = target.client("redshift").get_cluster_credentials(
                ClusterIdentifier=NAME, DbUser=user, AutoCreate=True
            )
        with bare(socket, {"user": found["DbUser"], "password": found["DbPassword"]}) as lent:
            lent.execute("SELECT current_user")
            assert lent.fetchall() == [(user,)]
        for role in (f"IAMA:{user}", user):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f'SET ROLE "{role}"')


# --- the machinery's own user, and what the master is for; on a server without a launcher ---------


def test_the_system_user_gets_into_no_database_of_a_client(server):
    with pytest.raises(psycopg2.OperationalError, match="rejects connection"):
        server.connect(DATABASE, roles.SYSTEM, server.system_password)


def test_functions_that_run_with_the_rights_of_their_owner_fix_what_their_names_mean(server):
    with server.system("template1") as system:
        system.execute("SELECT oid::regprocedure::text, proconfig FROM pg_proc WHERE prosecdef ORDER BY 1")
        named = ("history()", "may_see(oid)", "session_began()", "sessions()")
        assert system.fetchall() == [(f"redshift.{name}", ["search_path=pg_catalog, pg_temp"]) for name in named]


def test_a_password_is_sent_as_its_verifier(server):
    with server.system() as system:
        system.execute("CREATE ROLE canary")
        system.execute("SET log_statement TO 'all'")
        roles.set_password(system, "canary", "Canary-4711")
        system.execute("DROP ROLE canary")
    log = server.log.read_text()
    assert "SCRAM-SHA-256$" in log
    assert "Canary-4711" not in log


def test_the_master_sees_and_ends_the_sessions_of_others_and_not_those_of_the_system(warehouse, connect, server):
    warehouse.run("CREATE TABLE t (a int); CREATE USER bob PASSWORD 'Bob-12345'; GRANT ALL ON t TO bob")
    try:
        other = connect(user="bob", password="Bob-12345")
        with other.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
        held = "SELECT DISTINCT txn_owner, pid FROM svv_transactions WHERE relation = 't'::regclass::int"
        assert warehouse.run(held) == [("bob", other.get_backend_pid())]
        with server.system() as system:
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                warehouse.run(f"SELECT pg_terminate_backend({system.connection.get_backend_pid()})")
            system.execute("SELECT 1")
        assert warehouse.one(f"SELECT pg_terminate_backend({other.get_backend_pid()})") is True
        with pytest.raises(psycopg2.OperationalError), other.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        warehouse.run("DROP TABLE t; DROP USER bob")


@pytest.fixture
def bob(warehouse, connect, aws):
    """A session of a user whom the master has made."""
    warehouse.run("CREATE USER bob PASSWORD 'Bob-12345'; GRANT CREATE, USAGE ON SCHEMA public TO bob")
    connection = connect(user="bob", password="Bob-12345")
    connection.autocommit = True
    yield Warehouse(connection, aws)
    warehouse.run("DROP TABLE IF EXISTS theirs; REVOKE ALL ON SCHEMA public FROM bob; DROP USER bob")


def test_the_master_has_the_rights_of_every_user(warehouse, bob):
    bob.run("CREATE TABLE theirs (a int, b varchar(4)) SORTKEY (a); INSERT INTO theirs VALUES (1, 'x')")
    assert warehouse.run("SELECT a FROM theirs") == [(1,)]
    for statement in (
        "INSERT INTO theirs VALUES (2, 'y')",
        "VACUUM theirs",
        "ANALYZE theirs",
        "ALTER TABLE theirs ALTER SORTKEY NONE",
        "ALTER TABLE theirs ALTER COLUMN b TYPE varchar(8)",
        "BEGIN; LOCK theirs; DELETE FROM theirs; COMMIT",
        "TRUNCATE theirs",
        "CREATE SCHEMA more AUTHORIZATION bob",
        "CREATE TABLE more.t AS SELECT 1 AS a",
        "DROP SCHEMA more CASCADE",
        "ALTER USER bob PASSWORD 'Bob-54321'",
        "CREATE GROUP readers; ALTER GROUP readers ADD USER bob; GRANT SELECT ON theirs TO GROUP readers",
        "REVOKE ALL ON theirs FROM GROUP readers; DROP GROUP readers",
        "DROP TABLE theirs",
    ):
        warehouse.run(statement)


def test_the_master_sees_the_load_errors_of_every_user(warehouse, bob):
    bob.run("CREATE TABLE theirs (a int)")
    bob.aws.put("data/file.json", '{"a": "no number"}')
    with pytest.raises(psycopg2.Error, match="stl_load_errors"):
        bob.run(f"COPY theirs FROM 's3://test-bucket/data/' IAM_ROLE '{ROLE}' JSON 'auto'")
    pid = bob.connection.get_backend_pid()
    assert warehouse.run(f"SELECT TRIM(colname) FROM stl_load_errors WHERE session = {pid}") == [("a",)]
    assert len(warehouse.run("SELECT 1 FROM svv_table_info")) == 0


def test_the_master_may_act_as_another_user_for_a_while(warehouse, bob):
    assert warehouse.one("SET SESSION AUTHORIZATION bob; SELECT current_user") == "bob"
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        warehouse.run("CREATE USER another PASSWORD 'Another-1'")
    assert warehouse.one("RESET SESSION AUTHORIZATION; SELECT current_user") == USER
    assert warehouse.one("SET SESSION AUTHORIZATION 'bob'; SELECT current_user") == "bob"
    assert warehouse.one("SET SESSION AUTHORIZATION DEFAULT; SELECT current_user") == USER
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        bob.run(f"SET SESSION AUTHORIZATION {USER}")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        warehouse.run("SET SESSION AUTHORIZATION rdsdb")


def test_a_temporary_login_knows_its_last_copy(warehouse, bob, server, connect):
    from datetime import UTC, datetime, timedelta

    with server.system() as system:
        roles.lend(system, "IAM:bob", "bob", "Lent-12345", datetime.now(UTC) + timedelta(minutes=5))
    connection = connect(user="IAM:bob", password="Lent-12345")
    connection.autocommit = True
    lent = Warehouse(connection, bob.aws)
    assert lent.one("SELECT pg_last_copy_count()") == 0
    lent.run("CREATE TABLE theirs (a int)")
    lent.aws.put("data/file.json", '{"a": 1} {"a": 2}')
    lent.run(f"COPY theirs FROM 's3://test-bucket/data/' IAM_ROLE '{ROLE}' JSON 'auto'")
    assert lent.one("SELECT pg_last_copy_count()") == 2
    connection.close()
    with server.system() as system:
        system.execute('DROP ROLE "IAM:bob"')
