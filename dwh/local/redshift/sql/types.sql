-- SUPER: a JSON document, kept as it was written. A value of another type becomes a scalar, a string above all a string
-- (guide, "Using JSON_PARSE to insert data into SUPER columns"), where it is assigned or cast.
CREATE DOMAIN pg_catalog.super AS json;
-- A literal that is a whole value of INSERT or UPDATE: PostgreSQL would read it as JSON without a word where the column is
-- SUPER. So the dialect gives it this type (dialect/values.py), which goes into any column as its text would.
CREATE TYPE redshift.literal;
CREATE FUNCTION redshift.literal_in(cstring) RETURNS redshift.literal LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION redshift.literal_out(redshift.literal) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE redshift.literal (INPUT = redshift.literal_in, OUTPUT = redshift.literal_out, LIKE = text);
CREATE CAST (redshift.literal AS text) WITHOUT FUNCTION AS IMPLICIT;
DO $$
DECLARE
    kind regtype;
BEGIN
    FOREACH kind IN ARRAY ARRAY['text', 'varchar', 'bpchar', 'redshift.literal', 'int2', 'int4', 'int8', 'numeric', 'float4',
                                'float8', 'bool']::regtype[] LOOP
        EXECUTE format('CREATE FUNCTION redshift.scalar(%s) RETURNS json LANGUAGE sql IMMUTABLE STRICT AS ''SELECT to_json($1%s)''',
                       kind, CASE kind WHEN 'redshift.literal'::regtype THEN '::text' ELSE '' END);
        EXECUTE format('CREATE CAST (%s AS json) WITH FUNCTION redshift.scalar(%1$s) AS ASSIGNMENT', kind);
    END LOOP;
    FOREACH kind IN ARRAY ARRAY['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'bool', 'date', 'timestamp',
                                'timestamptz', 'time', 'timetz']::regtype[] LOOP
        EXECUTE format('CREATE CAST (redshift.literal AS %s) WITH INOUT AS ASSIGNMENT', kind);
    END LOOP;
END $$;

-- VARCHAR ignores trailing blanks when it is compared, grouped, sorted or de-duplicated. PostgreSQL's functions
-- for CHAR do just that, on the same storage; a default operator class makes GROUP BY, DISTINCT and joins use them.
CREATE FUNCTION redshift.varchar_eq(varchar, varchar) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bpchareq';
CREATE FUNCTION redshift.varchar_ne(varchar, varchar) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bpcharne';
CREATE FUNCTION redshift.varchar_lt(varchar, varchar) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bpcharlt';
CREATE FUNCTION redshift.varchar_le(varchar, varchar) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bpcharle';
CREATE FUNCTION redshift.varchar_gt(varchar, varchar) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bpchargt';
CREATE FUNCTION redshift.varchar_ge(varchar, varchar) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bpcharge';
CREATE FUNCTION redshift.varchar_cmp(varchar, varchar) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bpcharcmp';
CREATE FUNCTION redshift.varchar_hash(varchar) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'hashbpchar';
CREATE FUNCTION redshift.varchar_hash64(varchar, bigint) RETURNS bigint LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'hashbpcharextended';

CREATE OPERATOR FAMILY redshift.varchar_order USING btree;
CREATE OPERATOR FAMILY redshift.varchar_hashing USING hash;
CREATE OPERATOR pg_catalog.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = redshift.varchar_eq,
    COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE OPERATOR pg_catalog.<> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = redshift.varchar_ne,
    COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=), RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR pg_catalog.< (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = redshift.varchar_lt,
    COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR pg_catalog.<= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = redshift.varchar_le,
    COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
CREATE OPERATOR pg_catalog.> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = redshift.varchar_gt,
    COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
CREATE OPERATOR pg_catalog.>= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = redshift.varchar_ge,
    COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<), RESTRICT = scalargesel, JOIN = scalargejoinsel);
CREATE OPERATOR CLASS redshift.varchar_order DEFAULT FOR TYPE varchar USING btree FAMILY redshift.varchar_order AS
    OPERATOR 1 pg_catalog.< , OPERATOR 2 pg_catalog.<= , OPERATOR 3 pg_catalog.= , OPERATOR 4 pg_catalog.>= ,
    OPERATOR 5 pg_catalog.> , FUNCTION 1 redshift.varchar_cmp(varchar, varchar);
CREATE OPERATOR CLASS redshift.varchar_hashing DEFAULT FOR TYPE varchar USING hash FAMILY redshift.varchar_hashing AS
    OPERATOR 1 pg_catalog.= , FUNCTION 1 redshift.varchar_hash(varchar), FUNCTION 2 redshift.varchar_hash64(varchar, bigint);
