-- Redshift's functions. Those that PostgreSQL lacks go to pg_catalog, where every session finds them; those that
-- it has with another meaning go to the schema redshift, and calls are redirected there.

-- Now. SYSDATE is the start of the transaction, GETDATE that of the statement, without a fraction; both UTC.
CREATE FUNCTION redshift.sysdate() RETURNS timestamp STABLE RETURN transaction_timestamp() AT TIME ZONE 'UTC';
CREATE FUNCTION pg_catalog.getdate() RETURNS timestamp STABLE
RETURN pg_catalog.date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC');

-- EXTRACT gives whole numbers and drops what is above and below; DATE_PART gives DOUBLE PRECISION, and all of the seconds.
-- The first decade is that of the years 1 to 9, so that 2000 is in the 201st (guide, "Date parts for date or timestamp functions").
DO $$
DECLARE
    kind text;
    given text;
    decade text;
BEGIN
    FOREACH kind IN ARRAY ARRAY['timestamp', 'timestamptz', 'date', 'time', 'timetz', 'interval'] LOOP
        given := CASE kind WHEN 'timestamptz' THEN 'double precision' ELSE 'integer' END;
        decade := CASE WHEN kind IN ('timestamp', 'timestamptz', 'date') THEN '+ (part = ''decade'')::int' ELSE '' END;
        EXECUTE format($f$CREATE FUNCTION redshift.date_part(part text, moment %s) RETURNS double precision LANGUAGE sql STABLE
            AS 'SELECT pg_catalog.date_part(part, moment) %s'$f$, kind, replace(decade, '''', ''''''));
        EXECUTE format($f$CREATE FUNCTION redshift.extract(part text, moment %s) RETURNS %s LANGUAGE sql STABLE
            AS 'SELECT (CASE part WHEN ''milliseconds'' THEN pg_catalog.date_part(''microseconds'', moment)::bigint / 1000 %% 1000
                                  WHEN ''microseconds'' THEN pg_catalog.date_part(''microseconds'', moment)::bigint %% 1000
                                  ELSE floor(redshift.date_part(part, moment)) END)::%2$s'$f$, kind, given);
    END LOOP;
END $$;
CREATE FUNCTION pg_catalog.date_part_year(day date) RETURNS integer IMMUTABLE RETURN pg_catalog.date_part('year', day)::integer;

CREATE FUNCTION redshift.date_trunc(part text, moment timestamp) RETURNS timestamp IMMUTABLE RETURN pg_catalog.date_trunc(part, moment);
CREATE FUNCTION redshift.date_trunc(part text, moment timestamptz) RETURNS timestamptz STABLE RETURN pg_catalog.date_trunc(part, moment);

-- DATEADD always gives a TIMESTAMP (of a TIMESTAMPTZ, a TIMESTAMPTZ).
CREATE FUNCTION redshift.span(part text, number bigint) RETURNS interval IMMUTABLE
RETURN CASE part WHEN 'quarter' THEN number * 3 * interval '1 month'
                       WHEN 'dow' THEN number * interval '1 day' WHEN 'doy' THEN number * interval '1 day'
                       WHEN 'epoch' THEN number * interval '1 second'
                       WHEN 'milliseconds' THEN number * interval '1 millisecond'
                       WHEN 'microseconds' THEN number * interval '1 microsecond'
                       ELSE number * ('1 ' || part)::interval END;
-- A year after February 29 is March 1, twelve months after it February 28 (guide, DATEADD).
CREATE FUNCTION redshift.leap(part text, number bigint, moment timestamp) RETURNS interval IMMUTABLE
RETURN CASE WHEN part = 'year' AND pg_catalog.date_part('doy', moment) = 60 AND pg_catalog.date_part('day', moment) = 29
                   AND pg_catalog.date_part('day', moment + redshift.span(part, number)) = 28
                  THEN interval '1 day' ELSE interval '0' END;
CREATE FUNCTION pg_catalog.dateadd(part text, number bigint, moment timestamp) RETURNS timestamp IMMUTABLE
RETURN moment + redshift.span(part, number) + redshift.leap(part, number, moment::timestamp);
CREATE FUNCTION pg_catalog.dateadd(part text, number bigint, moment timestamptz) RETURNS timestamptz STABLE
RETURN moment + redshift.span(part, number) + redshift.leap(part, number, moment::timestamp);
CREATE FUNCTION pg_catalog.dateadd(part text, number bigint, moment time) RETURNS time IMMUTABLE
RETURN moment + redshift.span(part, number);
CREATE FUNCTION pg_catalog.dateadd(part text, number bigint, moment timetz) RETURNS timetz IMMUTABLE
RETURN moment + redshift.span(part, number);

-- DATEDIFF counts the boundaries between two moments. Each part has a number that goes up by one at its boundary.
-- Weeks begin on Sunday here.
CREATE FUNCTION redshift.boundaries(part text, moment timestamp) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    y bigint := pg_catalog.date_part('year', moment);
    d bigint := moment::date - date '1970-01-04';  -- a Sunday
    s numeric := extract(epoch FROM moment);
BEGIN
    RETURN CASE part
        WHEN 'millennium' THEN floor((y - 1) / 1000.0) WHEN 'century' THEN floor((y - 1) / 100.0)
        WHEN 'decade' THEN floor(y / 10.0) WHEN 'year' THEN y
        WHEN 'quarter' THEN y * 4 + pg_catalog.date_part('quarter', moment)
        WHEN 'month' THEN y * 12 + pg_catalog.date_part('month', moment)
        WHEN 'week' THEN floor(d / 7.0) WHEN 'day' THEN d WHEN 'dow' THEN d WHEN 'doy' THEN d
        WHEN 'hour' THEN floor(s / 3600) WHEN 'minute' THEN floor(s / 60)
        WHEN 'second' THEN floor(s) WHEN 'epoch' THEN floor(s)
        WHEN 'milliseconds' THEN floor(s * 1000) WHEN 'microseconds' THEN floor(s * 1000000) END;
END $$;
CREATE FUNCTION pg_catalog.datediff(part text, a timestamp, b timestamp) RETURNS bigint IMMUTABLE
RETURN redshift.boundaries(part, b) - redshift.boundaries(part, a);
CREATE FUNCTION pg_catalog.datediff(part text, a timestamptz, b timestamptz) RETURNS bigint STABLE
RETURN datediff(part, a::timestamp, b::timestamp);
CREATE FUNCTION pg_catalog.datediff(part text, a time, b time) RETURNS bigint IMMUTABLE
RETURN redshift.boundaries(part, date '1970-01-04' + b) - redshift.boundaries(part, date '1970-01-04' + a);
CREATE FUNCTION pg_catalog.datediff(part text, a timetz, b timetz) RETURNS bigint IMMUTABLE
RETURN datediff(part, (a AT TIME ZONE 'UTC')::time, (b AT TIME ZONE 'UTC')::time);

CREATE FUNCTION pg_catalog.convert_timezone(source text, target text, moment timestamp) RETURNS timestamp STABLE
RETURN (moment AT TIME ZONE source) AT TIME ZONE target;
CREATE FUNCTION pg_catalog.convert_timezone(target text, moment timestamp) RETURNS timestamp STABLE
RETURN (moment AT TIME ZONE 'UTC') AT TIME ZONE target;
CREATE FUNCTION pg_catalog.convert_timezone(target text, moment timestamptz) RETURNS timestamp STABLE RETURN moment AT TIME ZONE target;
CREATE FUNCTION pg_catalog.last_day(moment timestamp) RETURNS date IMMUTABLE
RETURN (pg_catalog.date_trunc('month', moment) + interval '1 month - 1 day')::date;
-- The last day of a month stays a last day.
CREATE FUNCTION pg_catalog.add_months(moment timestamp, number bigint) RETURNS timestamp IMMUTABLE
RETURN CASE WHEN moment::date = last_day(moment)
                  THEN last_day(moment + number * interval '1 month') + moment::time
                  ELSE moment + number * interval '1 month' END;
-- A DATE counts as a TIMESTAMP, and so does a string.
DO $$
DECLARE
    kind text;
BEGIN
    FOREACH kind IN ARRAY ARRAY['date', 'text'] LOOP
        EXECUTE format('
            CREATE FUNCTION redshift.date_trunc(part text, moment %1$s) RETURNS timestamp IMMUTABLE
            RETURN pg_catalog.date_trunc(part, moment::timestamp);
            CREATE FUNCTION pg_catalog.dateadd(part text, number bigint, moment %1$s) RETURNS timestamp IMMUTABLE
            RETURN dateadd(part, number, moment::timestamp);
            CREATE FUNCTION pg_catalog.datediff(part text, a %1$s, b %1$s) RETURNS bigint IMMUTABLE
            RETURN datediff(part, a::timestamp, b::timestamp);
            CREATE FUNCTION pg_catalog.last_day(moment %1$s) RETURNS date IMMUTABLE RETURN last_day(moment::timestamp);
            CREATE FUNCTION pg_catalog.add_months(moment %1$s, number bigint) RETURNS timestamp IMMUTABLE
            RETURN add_months(moment::timestamp, number)', kind);
    END LOOP;
END $$;
-- TO_DATE counts on where a month has no such day, unless it is told to be strict (guide, TO_DATE).
CREATE FUNCTION redshift.to_date(value text, format text, is_strict boolean DEFAULT false) RETURNS date LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
    place integer := strpos(upper(format), 'DD');
BEGIN
    RETURN pg_catalog.to_date(value, format);
EXCEPTION WHEN datetime_field_overflow THEN
    IF is_strict OR place = 0 OR format !~* '^((YYYY|MM|MON|DD)[^a-z]*)+$' THEN
        RAISE;
    END IF;
    RETURN pg_catalog.to_date(overlay(value PLACING '01' FROM place FOR 2), format) + substr(value, place, 2)::integer - 1;
END $$;
-- What is out of range in TO_TIMESTAMP is an error here, strict or not.
CREATE FUNCTION redshift.to_timestamp(value text, format text, is_strict boolean DEFAULT false) RETURNS timestamptz STABLE STRICT
RETURN pg_catalog.to_timestamp(value, format);
CREATE FUNCTION pg_catalog.months_between(a timestamp, b timestamp) RETURNS double precision IMMUTABLE
RETURN (pg_catalog.date_part('year', a) - pg_catalog.date_part('year', b)) * 12
             + pg_catalog.date_part('month', a) - pg_catalog.date_part('month', b)
             + CASE WHEN a::date = last_day(a) AND b::date = last_day(b) THEN 0
                    WHEN pg_catalog.date_part('day', a) = pg_catalog.date_part('day', b) THEN 0
                    ELSE (extract(epoch FROM (a - pg_catalog.date_trunc('month', a)))
                          - extract(epoch FROM (b - pg_catalog.date_trunc('month', b)))) / 2678400 END;
CREATE FUNCTION pg_catalog.next_day(day date, name text) RETURNS date IMMUTABLE
RETURN day + 1 + (strpos('sumotuwethfrsa', lower(left(name, 2))) / 2 - pg_catalog.date_part('dow', day)::int + 6) % 7;
CREATE FUNCTION redshift.trunc(moment timestamp) RETURNS date IMMUTABLE RETURN moment::date;

-- Strings. Arguments are VARCHAR: a CHAR value loses its padding on the way, as LEN wants it.
CREATE FUNCTION redshift.concat(a text, b text) RETURNS text IMMUTABLE RETURN a || b;
CREATE FUNCTION pg_catalog.len(value text) RETURNS integer IMMUTABLE RETURN char_length(value);
CREATE FUNCTION pg_catalog.charindex(part text, value text) RETURNS integer IMMUTABLE RETURN strpos(value, part);
CREATE FUNCTION pg_catalog.replicate(value text, number integer) RETURNS text IMMUTABLE RETURN repeat(value, number);
CREATE FUNCTION pg_catalog.sha2(value text, bits integer) RETURNS text IMMUTABLE
RETURN encode(CASE bits WHEN 224 THEN sha224(convert_to(value, 'UTF8')) WHEN 384 THEN sha384(convert_to(value, 'UTF8'))
                              WHEN 512 THEN sha512(convert_to(value, 'UTF8'))
                              WHEN 0 THEN sha256(convert_to(value, 'UTF8'))
                              WHEN 256 THEN sha256(convert_to(value, 'UTF8')) ELSE '' END, 'hex');
-- Regular expressions. Of the parameters, i and c mean what they mean in PostgreSQL; e takes the first subexpression, if the
-- pattern has one; p is Perl's dialect, which PostgreSQL's own resembles, but that it takes the longest of several alternatives and
-- not the first. What is not found is an empty string.
CREATE FUNCTION redshift.flags(parameters text, pattern text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF parameters LIKE '%p%' AND pattern ~ '[|]|[*+?}][?+]' THEN
        RAISE EXCEPTION USING MESSAGE = 'a Perl pattern with alternatives or lazy quantifiers is not supported by the local target',
            ERRCODE = '0A000';
    END IF;
    RETURN translate(parameters, 'ep', '');
END $$;
CREATE FUNCTION redshift.subexpression(pattern text, parameters text) RETURNS integer IMMUTABLE
RETURN (parameters LIKE '%e%' AND pg_catalog.regexp_replace(pattern, E'\\\\.', '', 'g') ~ '[(]([^?]|$)')::integer;
CREATE FUNCTION redshift.regexp_substr(value text, pattern text, place integer DEFAULT 1, occurrence integer DEFAULT 1,
    parameters text DEFAULT '') RETURNS text IMMUTABLE STRICT
RETURN coalesce(CASE WHEN occurrence > 0 THEN pg_catalog.regexp_substr(value, pattern, greatest(place, 1), occurrence,
    redshift.flags(parameters, pattern), redshift.subexpression(pattern, parameters)) END, '');
CREATE FUNCTION redshift.regexp_instr(value text, pattern text, place integer DEFAULT 1, occurrence integer DEFAULT 1,
    after integer DEFAULT 0, parameters text DEFAULT '') RETURNS integer IMMUTABLE STRICT
RETURN CASE WHEN occurrence > 0 THEN pg_catalog.regexp_instr(value, pattern, greatest(place, 1), occurrence, after,
    redshift.flags(parameters, pattern), redshift.subexpression(pattern, parameters)) ELSE 0 END;
CREATE FUNCTION redshift.regexp_count(value text, pattern text, place integer DEFAULT 1, parameters text DEFAULT '')
RETURNS integer IMMUTABLE STRICT
RETURN pg_catalog.regexp_count(value, pattern, greatest(place, 1), redshift.flags(parameters, pattern));
-- REGEXP_REPLACE replaces every match, where PostgreSQL replaces the first.
CREATE FUNCTION redshift.regexp_replace(value text, pattern text, replacement text DEFAULT '', place integer DEFAULT 1,
    parameters text DEFAULT '') RETURNS text IMMUTABLE STRICT
RETURN pg_catalog.regexp_replace(value, pattern, replacement, greatest(place, 1), 0, redshift.flags(parameters, pattern));

-- JSON in text. What is not there is NULL; what is no JSON is an error.
CREATE FUNCTION redshift.json_part(value json) RETURNS text IMMUTABLE
RETURN CASE json_typeof(value) WHEN 'null' THEN NULL ELSE value #>> '{}' END;
CREATE FUNCTION pg_catalog.json_extract_path_text(document text, VARIADIC path text[]) RETURNS text IMMUTABLE
RETURN redshift.json_part(document::json #> path);
CREATE FUNCTION pg_catalog.json_extract_array_element_text(document text, place integer) RETURNS text IMMUTABLE
RETURN redshift.json_part(document::json -> CASE WHEN place >= 0 THEN place END);
CREATE FUNCTION redshift.if_json(document text) RETURNS text IMMUTABLE RETURN CASE WHEN document IS JSON THEN document END;
CREATE FUNCTION pg_catalog.json_array_length(document text) RETURNS integer IMMUTABLE RETURN json_array_length(document::json);
CREATE FUNCTION pg_catalog.is_valid_json(document text) RETURNS boolean IMMUTABLE RETURN document IS JSON OBJECT;
CREATE FUNCTION pg_catalog.is_valid_json_array(document text) RETURNS boolean IMMUTABLE RETURN document IS JSON ARRAY;
CREATE FUNCTION pg_catalog.can_json_parse(document text) RETURNS boolean IMMUTABLE RETURN document IS JSON;
CREATE FUNCTION pg_catalog.json_parse(document text) RETURNS super IMMUTABLE
RETURN pg_catalog.regexp_replace(document::json::text, E'("(?:[^"\\\\]|\\\\.)*")|\\s+', E'\\1', 'g')::json::super;
CREATE FUNCTION redshift.json_serialize(document super) RETURNS text IMMUTABLE RETURN textin(redshift.document_out(document));

-- Aggregates. AVG of integers is a whole number; of NUMERIC it keeps the scale.
CREATE FUNCTION redshift.whole_average(state bigint[]) RETURNS bigint IMMUTABLE RETURN CASE WHEN state[1] > 0 THEN state[2] / state[1] END;
CREATE AGGREGATE redshift.avg(smallint) (SFUNC = int2_avg_accum, STYPE = bigint[], FINALFUNC = redshift.whole_average, INITCOND = '{0,0}');
CREATE AGGREGATE redshift.avg(integer) (SFUNC = int4_avg_accum, STYPE = bigint[], FINALFUNC = redshift.whole_average, INITCOND = '{0,0}');
CREATE FUNCTION redshift.add_numeric(state numeric[], value numeric) RETURNS numeric[] IMMUTABLE STRICT
RETURN ARRAY[state[1] + 1, state[2] + value];
CREATE FUNCTION redshift.whole_average(state numeric[]) RETURNS bigint IMMUTABLE
RETURN CASE WHEN state[1] > 0 THEN pg_catalog.trunc(state[2] / state[1])::bigint END;
CREATE FUNCTION redshift.add_numeric(state numeric[], value bigint) RETURNS numeric[] IMMUTABLE STRICT
RETURN ARRAY[state[1] + 1, state[2] + value];
CREATE AGGREGATE redshift.avg(bigint) (SFUNC = redshift.add_numeric, STYPE = numeric[], FINALFUNC = redshift.whole_average, INITCOND = '{0,0}');
CREATE FUNCTION redshift.scaled_average(state numeric[]) RETURNS numeric IMMUTABLE
RETURN CASE WHEN state[1] > 0 THEN pg_catalog.trunc(state[2] / state[1], scale(state[2])) END;
CREATE AGGREGATE redshift.avg(numeric) (SFUNC = redshift.add_numeric, STYPE = numeric[], FINALFUNC = redshift.scaled_average, INITCOND = '{0,0}');
CREATE AGGREGATE redshift.avg(double precision) (SFUNC = float8_accum, STYPE = double precision[], FINALFUNC = float8_avg, INITCOND = '{0,0,0}');
CREATE AGGREGATE redshift.avg(real) (SFUNC = float4_accum, STYPE = double precision[], FINALFUNC = float8_avg, INITCOND = '{0,0,0}');

-- MEDIAN: of numbers NUMERIC or DOUBLE PRECISION as the argument is (integers: NUMERIC); of moments, between the two middle ones.
CREATE FUNCTION redshift.middle(numbers numeric[]) RETURNS numeric LANGUAGE sql IMMUTABLE
AS $$ SELECT pg_catalog.round(pg_catalog.avg(n), max(scale(n)) + 1) FROM (SELECT n, row_number() OVER (ORDER BY n) AS place, count(*) OVER () AS total
      FROM pg_catalog.unnest(numbers) AS n WHERE n IS NOT NULL) AS sorted WHERE place IN ((total + 1) / 2, total / 2 + 1) $$;
CREATE FUNCTION redshift.middle(numbers double precision[]) RETURNS double precision LANGUAGE sql IMMUTABLE
AS $$ SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FROM pg_catalog.unnest(numbers) AS n $$;
CREATE FUNCTION redshift.middle(moments timestamp[]) RETURNS timestamp LANGUAGE sql IMMUTABLE
AS $$ SELECT timestamp '1970-01-01' + percentile_cont(0.5) WITHIN GROUP (ORDER BY m - timestamp '1970-01-01')
      FROM pg_catalog.unnest(moments) AS m $$;
CREATE FUNCTION redshift.middle(numbers bigint[]) RETURNS numeric IMMUTABLE RETURN redshift.middle(numbers::numeric[]);
CREATE FUNCTION redshift.middle(numbers integer[]) RETURNS numeric IMMUTABLE RETURN redshift.middle(numbers::numeric[]);
CREATE AGGREGATE pg_catalog.median(bigint) (SFUNC = array_append, STYPE = bigint[], FINALFUNC = redshift.middle, INITCOND = '{}');
CREATE AGGREGATE pg_catalog.median(integer) (SFUNC = array_append, STYPE = integer[], FINALFUNC = redshift.middle, INITCOND = '{}');
CREATE AGGREGATE pg_catalog.median(numeric) (SFUNC = array_append, STYPE = numeric[], FINALFUNC = redshift.middle, INITCOND = '{}');
CREATE AGGREGATE pg_catalog.median(double precision) (SFUNC = array_append, STYPE = double precision[], FINALFUNC = redshift.middle, INITCOND = '{}');
CREATE AGGREGATE pg_catalog.median(timestamp) (SFUNC = array_append, STYPE = timestamp[], FINALFUNC = redshift.middle, INITCOND = '{}');

CREATE FUNCTION redshift.listagg(list text) RETURNS varchar LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF octet_length(list) > 65535 THEN
        RAISE EXCEPTION USING MESSAGE = 'Result size exceeds LISTAGG limit', ERRCODE = 'XX000';
    END IF;
    RETURN list;
END $$;

CREATE FUNCTION redshift.ratio_to_report(value double precision, total double precision) RETURNS double precision IMMUTABLE
RETURN value / total;

-- CANCEL pid (guide, CANCEL, with the text of the error).
CREATE FUNCTION redshift.cancel(session integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_stat_get_activity(session)) THEN
        RAISE EXCEPTION USING MESSAGE = format('Session %s does not exist. The session PID might have changed. '
            'Check the stl_restarted_sessions system table for details.', session), ERRCODE = 'XX000';
    END IF;
    PERFORM pg_cancel_backend(session);
END $$;

-- What Redshift says of itself; tools read both versions from it.
CREATE FUNCTION redshift.version() RETURNS text LANGUAGE sql IMMUTABLE AS
    'SELECT ''PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.0''::text';
