-- Implicit conversion: numbers, dates and times become text where they are compared with a character string, and where a
-- function takes one (guide, "Type compatibility and conversion",
-- https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html#r_Type_conversion).
-- There are no implicit casts to text, which would change what other statements mean. What is not text already is converted to
-- a type that only the operators and functions of this file take. They are written in SQL, so the planner puts their bodies in
-- their place, and joins by hash as ever.
CREATE TYPE redshift.string;
CREATE FUNCTION redshift.string_in(cstring) RETURNS redshift.string LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION redshift.string_out(redshift.string) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE redshift.string (INPUT = redshift.string_in, OUTPUT = redshift.string_out, LIKE = text);
CREATE CAST (redshift.string AS text) WITHOUT FUNCTION;
CREATE CAST (text AS redshift.string) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (varchar AS redshift.string) WITHOUT FUNCTION AS IMPLICIT;
CREATE FUNCTION redshift.string(bpchar) RETURNS redshift.string LANGUAGE sql IMMUTABLE AS 'SELECT $1::text::redshift.string';
CREATE CAST (bpchar AS redshift.string) WITH FUNCTION redshift.string(bpchar) AS IMPLICIT;

-- An operator of two types; what it does is the body of a function.
CREATE FUNCTION redshift.operator(name text, a regtype, b regtype, body text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE FUNCTION redshift.%1$I(%2$s, %3$s) RETURNS boolean STABLE RETURN %4$s;
                    CREATE OPERATOR pg_catalog.%1$s (LEFTARG = %2$s, RIGHTARG = %3$s, FUNCTION = redshift.%1$I)', name, a, b, body);
END $$;
DO $$
DECLARE
    kind regtype;
    name text;
    f record;
BEGIN
    FOREACH kind IN ARRAY ARRAY['int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'date', 'time', 'timetz', 'timestamp',
                                'timestamptz']::regtype[] LOOP
        EXECUTE format('CREATE CAST (%s AS redshift.string) WITH INOUT AS IMPLICIT', kind);
        -- Compared with a DECIMAL, the string becomes a number; with anything else, that becomes a string.
        FOREACH name IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>='] LOOP
            PERFORM redshift.operator(name, a, b, format('$1::%1$s %2$s $2::%1$s', CASE kind WHEN 'numeric'::regtype THEN 'numeric' ELSE 'varchar' END, name))
            FROM (VALUES (kind, 'text'::regtype), ('text', kind)) AS sides (a, b);
        END LOOP;
    END LOOP;

    FOREACH name IN ARRAY ARRAY['~~', '!~~', '~~*', '!~~*', '~', '!~'] LOOP
        PERFORM redshift.operator(name, 'redshift.string', 'text', format('$1::text %s $2', name));
    END LOOP;

    -- The same function for each that takes text. One that is redefined is converted in its new form; SUBSTRING by a regular
    -- expression is PostgreSQL's own.
    FOR f IN
        SELECT pronamespace::regnamespace AS schema, proname AS name, pg_get_function_result(oid) AS result, provolatile AS volatility,
               regexp_replace(pg_get_function_arguments(oid), '\mtext(,| DEFAULT|$)', 'redshift.string\1', 'g') AS arguments,
               (SELECT string_agg('$' || place || CASE given WHEN 'text'::regtype THEN '::text' ELSE '' END, ', ' ORDER BY place)
                FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS a (given, place)) AS call
        FROM pg_proc AS p
        WHERE 'text'::regtype = ANY (proargtypes) AND provariadic = 0
          AND oid NOT IN ('substring(text, text)'::regprocedure, 'substring(text, text, text)'::regprocedure)
          AND proname = ANY (string_to_array('ascii btrim char_length character_length charindex concat initcap left len length '
              'lower lpad ltrim md5 octet_length overlay position quote_ident quote_literal regexp_count regexp_instr regexp_replace '
              'regexp_substr repeat replace replicate reverse right rpad rtrim sha2 split_part strpos substr substring '
              'textlen to_date to_timestamp translate upper', ' '))
          AND (pronamespace = 'redshift'::regnamespace OR NOT EXISTS
               (SELECT FROM pg_proc AS r WHERE r.pronamespace = 'redshift'::regnamespace AND r.proname = p.proname))
    LOOP
        EXECUTE format('CREATE FUNCTION %s.%I(%s) RETURNS %s LANGUAGE sql %s AS ''SELECT %1$s.%2$I(%6$s)''', f.schema, f.name,
                       f.arguments, f.result, CASE f.volatility WHEN 'i' THEN 'IMMUTABLE' ELSE 'STABLE' END, f.call);
    END LOOP;
END $$;

-- BOOLEAN does not become text, not even by a cast: it is not in the guide's table, and clusters answer with this error
-- (datafold/data-diff#280, dbt-utils#1016), or "operator does not exist: character varying = boolean" (metabase#80004).
CREATE FUNCTION redshift.no_text(boolean) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '42846', MESSAGE = 'cannot cast type boolean to character varying',
                          HINT = 'use CASE WHEN ... THEN ''true'' ELSE ''false'' END';
END $$;
UPDATE pg_catalog.pg_cast SET castfunc = 'redshift.no_text'::regproc
WHERE castsource = 'bool'::regtype AND casttarget IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype);

-- Integers become BOOLEAN where they are assigned to one, compared with one, or are a condition themselves
-- (https://docs.aws.amazon.com/redshift/latest/dg/r_logical_condition.html: likevegas = 1).
UPDATE pg_catalog.pg_cast SET castcontext = 'a' WHERE castsource = 'int4'::regtype AND casttarget = 'bool'::regtype;
DO $$
DECLARE
    kind regtype;
BEGIN
    FOREACH kind IN ARRAY ARRAY['int2', 'int4', 'int8']::regtype[] LOOP
        IF kind <> 'int4'::regtype THEN
            EXECUTE format('CREATE FUNCTION redshift.bool(%1$s) RETURNS boolean IMMUTABLE RETURN $1 <> 0;
                            CREATE CAST (%1$s AS boolean) WITH FUNCTION redshift.bool(%1$s) AS ASSIGNMENT', kind);
        END IF;
        PERFORM redshift.operator(name, a, b, format('$1::boolean %s $2::boolean', name))
        FROM (VALUES ('='), ('<>')) AS names (name), (VALUES (kind, 'bool'::regtype), ('bool', kind)) AS sides (a, b);
    END LOOP;
END $$;

-- All of the above may run in PostgreSQL's parallel workers, which a query gets only if every function in it may.
UPDATE pg_catalog.pg_proc SET proparallel = 's' WHERE oid >= 16384 AND prokind IN ('f', 'a') AND provolatile <> 'v';
