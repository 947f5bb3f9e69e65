-- Functions that PostgreSQL has under the same name, with another result or another type. Calls are redirected here
-- (dialect/functions.py, REDEFINED). The guide's examples are in tests/local/guide_examples.py.

-- Letters of every script have a case, though text is compared by its bytes.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['lower', 'upper', 'initcap'] LOOP
        EXECUTE format('CREATE FUNCTION redshift.%1$s(text) RETURNS text IMMUTABLE
                        RETURN pg_catalog.%1$s($1 COLLATE pg_c_utf8) COLLATE "default"', name);
    END LOOP;
END $$;
-- These are DOUBLE PRECISION whatever they are given; of a NUMERIC, PostgreSQL makes a NUMERIC.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sqrt', 'exp', 'ln', 'log'] LOOP
        EXECUTE format('CREATE FUNCTION redshift.%1$s(double precision) RETURNS double precision IMMUTABLE RETURN pg_catalog.%1$s($1)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['stddev', 'stddev_samp', 'stddev_pop', 'variance', 'var_samp', 'var_pop'] LOOP
        EXECUTE format('CREATE AGGREGATE redshift.%s(double precision) (SFUNC = float8_accum, STYPE = double precision[],
                            FINALFUNC = float8_%s, COMBINEFUNC = float8_combine, INITCOND = ''{0,0,0}'', PARALLEL = SAFE)',
                       name, CASE name WHEN 'stddev' THEN 'stddev_samp' WHEN 'variance' THEN 'var_samp' ELSE name END);
    END LOOP;
END $$;
CREATE FUNCTION redshift.power(double precision, double precision) RETURNS double precision IMMUTABLE RETURN pg_catalog.power($1, $2);
CREATE FUNCTION redshift.log(double precision, double precision) RETURNS double precision IMMUTABLE
RETURN pg_catalog.log($1::numeric, $2::numeric)::double precision;
-- Integers stay integers, of which PostgreSQL makes DOUBLE PRECISION; and DOUBLE PRECISION is rounded as NUMERIC is.
DO $$
DECLARE
    name text;
    kind text;
BEGIN
    FOREACH kind IN ARRAY ARRAY['smallint', 'integer', 'bigint', 'numeric', 'double precision'] LOOP
        FOREACH name IN ARRAY ARRAY['round', 'trunc'] LOOP
            EXECUTE format('CREATE FUNCTION redshift.%1$s(%2$s, integer) RETURNS %2$s IMMUTABLE RETURN pg_catalog.%1$s($1::numeric, $2)', name, kind);
        END LOOP;
        CONTINUE WHEN kind IN ('numeric', 'double precision');
        FOREACH name IN ARRAY ARRAY['pg_catalog.ceil', 'pg_catalog.ceiling', 'pg_catalog.floor', 'redshift.round', 'redshift.trunc'] LOOP
            EXECUTE format('CREATE FUNCTION %s(%s) RETURNS %2$s IMMUTABLE RETURN $1', name, kind);
        END LOOP;
    END LOOP;
END $$;
CREATE FUNCTION redshift.round(number numeric) RETURNS numeric IMMUTABLE RETURN pg_catalog.round(number);
CREATE FUNCTION redshift.trunc(number numeric) RETURNS numeric IMMUTABLE RETURN pg_catalog.trunc(number);
CREATE FUNCTION redshift.trunc(number double precision) RETURNS double precision IMMUTABLE RETURN pg_catalog.trunc(number);
-- Half away from zero, also for floating point, where PostgreSQL rounds half to even.
CREATE FUNCTION redshift.round(number double precision) RETURNS double precision IMMUTABLE RETURN sign(number) * floor(abs(number) + 0.5);
-- SUM of REAL is DOUBLE PRECISION; PostgreSQL adds up in REAL.
CREATE FUNCTION redshift.sum_of_reals(state double precision[]) RETURNS double precision IMMUTABLE
RETURN CASE WHEN state[1] > 0 THEN state[2] END;
UPDATE pg_catalog.pg_aggregate SET aggtransfn = 'float4_accum'::regproc, aggtranstype = 'float8[]'::regtype, agginitval = '{0,0,0}',
    aggfinalfn = 'redshift.sum_of_reals'::regproc, aggcombinefn = 'float8_combine'::regproc
WHERE aggfnoid = 'pg_catalog.sum(real)'::regprocedure;
UPDATE pg_catalog.pg_proc SET prorettype = 'float8'::regtype WHERE oid = 'pg_catalog.sum(real)'::regprocedure;

-- TO_CHAR: the time zone of a TIMESTAMP is that of the session; the currency of a number is the dollar.
CREATE FUNCTION redshift.to_char(moment timestamp, format text) RETURNS text STABLE RETURN pg_catalog.to_char(moment::timestamptz, format);
CREATE FUNCTION redshift.to_char(moment timestamptz, format text) RETURNS text STABLE RETURN pg_catalog.to_char(moment, format);
CREATE FUNCTION redshift.to_char(span interval, format text) RETURNS text STABLE RETURN pg_catalog.to_char(span, format);
-- Each L of a format of numbers, but for those of PL and in quotes.
CREATE FUNCTION redshift.with_currency(format text, currency text) RETURNS text IMMUTABLE
RETURN regexp_replace(format, '(?<![Pp])[Ll](?=([^"]*"[^"]*")*[^"]*$)', currency, 'g');
DO $$
DECLARE
    kind text;
BEGIN
    FOREACH kind IN ARRAY ARRAY['integer', 'bigint', 'numeric', 'real', 'double precision'] LOOP
        EXECUTE format('CREATE FUNCTION redshift.to_char(number %s, format text) RETURNS text STABLE
                        RETURN pg_catalog.to_char(number, redshift.with_currency(format, ''"$"''))', kind);
    END LOOP;
END $$;
-- TO_NUMBER: PostgreSQL's loses a digit of a number with group separators where the format has FM, or L and its locale no sign.
CREATE FUNCTION redshift.to_number(value text, format text) RETURNS numeric STABLE
RETURN pg_catalog.to_number(CASE WHEN format <> redshift.with_currency(format, '') THEN translate(value, '$ ', '') ELSE value END,
                                  regexp_replace(redshift.with_currency(format, ''), 'FM', '', 'gi'));

-- CHR knows ASCII, SPLIT_PART counts from the left, and QUOTE_LITERAL puts no E in front.
CREATE FUNCTION redshift.quote_literal(value text) RETURNS text IMMUTABLE RETURN ltrim(pg_catalog.quote_literal(value), 'E');
CREATE FUNCTION redshift.chr(code integer) RETURNS text IMMUTABLE RETURN CASE WHEN code BETWEEN 1 AND 127 THEN pg_catalog.chr(code) END;
CREATE FUNCTION redshift.split_part(value text, delimiter text, part integer) RETURNS text IMMUTABLE
RETURN pg_catalog.split_part(value, delimiter, greatest(part, 0));
