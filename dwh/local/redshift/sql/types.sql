-- SUPER: text that is valid JSON. What is assigned or cast to it becomes a scalar of JSON, a string a string (guide, "Using
-- JSON_PARSE to insert data into SUPER columns"). PostgreSQL reads a literal with the input function of its column's type,
-- which leaves it as it is here, and then applies the type's modifier, as it would cut a VARCHAR to its length: that quotes it.
-- What is JSON already comes from JSON_PARSE, by way of json, or from COPY, for whose lines PostgreSQL applies no modifier.
CREATE TYPE redshift.document;
CREATE FUNCTION redshift.document_in(cstring) RETURNS redshift.document LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION redshift.document_out(redshift.document) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE redshift.document (INPUT = redshift.document_in, OUTPUT = redshift.document_out, TYPMOD_IN = varchartypmodin, LIKE = text);
DO $$
DECLARE
    kind regtype;
BEGIN
    FOREACH kind IN ARRAY ARRAY['redshift.document', 'json', 'text', 'varchar', 'bpchar', 'int2', 'int4', 'int8', 'numeric',
                                'float4', 'float8', 'bool']::regtype[] LOOP
        EXECUTE format('CREATE FUNCTION redshift.document(%s, integer, boolean) RETURNS redshift.document LANGUAGE sql IMMUTABLE STRICT
                        AS ''SELECT redshift.document_in(json_out(to_json(%s)))''', kind,
                       CASE kind WHEN 'redshift.document'::regtype THEN 'textin(redshift.document_out($1))' ELSE '$1' END);
        EXECUTE format('CREATE CAST (%s AS redshift.document) WITH FUNCTION redshift.document(%1$s, integer, boolean) AS ASSIGNMENT', kind);
    END LOOP;
END $$;
-- Cast to text, a string loses its quotes. What Redshift makes of an array or an object there is not documented.
CREATE FUNCTION redshift.scalar(document redshift.document) RETURNS varchar LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF left(textin(redshift.document_out(document)), 1) IN ('{', '[') THEN
        RAISE EXCEPTION USING MESSAGE = 'a cast of an array or object in SUPER to VARCHAR is not supported by the local target',
            HINT = 'use JSON_SERIALIZE', ERRCODE = '0A000';
    END IF;
    RETURN json_in(redshift.document_out(document)) #>> '{}';
END $$;
CREATE CAST (redshift.document AS varchar) WITH FUNCTION redshift.scalar(redshift.document);
CREATE DOMAIN pg_catalog.super AS redshift.document(1);

-- VARCHAR ignores trailing blanks when it is compared, grouped, sorted or de-duplicated. PostgreSQL's functions
-- for CHAR do just that, on the same storage; a default operator class makes GROUP BY, DISTINCT and joins use them.
DO $$
DECLARE
    o record;
BEGIN
    FOR o IN SELECT p.oprname AS name, p.oprcode AS code, c.oprname AS commutator, n.oprname AS negator, p.oprrest AS selectivity,
                    p.oprjoin AS join_selectivity, CASE WHEN p.oprcanhash THEN ', HASHES, MERGES' END AS more
             FROM pg_operator AS p JOIN pg_operator AS c ON c.oid = p.oprcom JOIN pg_operator AS n ON n.oid = p.oprnegate
             WHERE p.oprleft = 'bpchar'::regtype AND p.oprname IN ('=', '<>', '<', '<=', '>', '>=') LOOP
        EXECUTE format('CREATE FUNCTION redshift.%1$s(varchar, varchar) RETURNS boolean LANGUAGE internal
                            IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS ''%1$s'';
                        CREATE OPERATOR pg_catalog.%2$s (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = redshift.%1$s,
                            COMMUTATOR = OPERATOR(pg_catalog.%3$s), NEGATOR = OPERATOR(pg_catalog.%4$s), RESTRICT = %5$s, JOIN = %6$s%7$s)',
                       o.code, o.name, o.commutator, o.negator, o.selectivity, o.join_selectivity, o.more);
    END LOOP;
END $$;
CREATE FUNCTION redshift.varchar_cmp(varchar, varchar) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bpcharcmp';
CREATE FUNCTION redshift.varchar_hash(varchar) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'hashbpchar';
CREATE FUNCTION redshift.varchar_hash64(varchar, bigint) RETURNS bigint LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'hashbpcharextended';

CREATE OPERATOR FAMILY redshift.varchar_order USING btree;
CREATE OPERATOR FAMILY redshift.varchar_hashing USING hash;
CREATE OPERATOR CLASS redshift.varchar_order DEFAULT FOR TYPE varchar USING btree FAMILY redshift.varchar_order AS
    OPERATOR 1 pg_catalog.< , OPERATOR 2 pg_catalog.<= , OPERATOR 3 pg_catalog.= , OPERATOR 4 pg_catalog.>= ,
    OPERATOR 5 pg_catalog.> , FUNCTION 1 redshift.varchar_cmp(varchar, varchar);
CREATE OPERATOR CLASS redshift.varchar_hashing DEFAULT FOR TYPE varchar USING hash FAMILY redshift.varchar_hashing AS
    OPERATOR 1 pg_catalog.= , FUNCTION 1 redshift.varchar_hash(varchar), FUNCTION 2 redshift.varchar_hash64(varchar, bigint);
