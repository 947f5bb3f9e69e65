-- The stand-in's own schema: its helpers, and the PostgreSQL functions that Redshift defines otherwise.
CREATE SCHEMA redshift;
GRANT USAGE ON SCHEMA redshift TO PUBLIC;
-- Everybody may read what the files below make: no table of theirs holds a secret, and views show a user what the user may see.
ALTER DEFAULT PRIVILEGES IN SCHEMA redshift, pg_catalog GRANT SELECT ON TABLES TO PUBLIC;

CREATE FUNCTION redshift.inform(message text) RETURNS void
LANGUAGE plpgsql AS $$ BEGIN RAISE INFO USING MESSAGE = message; END $$;

-- Lengths count bytes: every character column gets a check that ends in the error of a too long value.
-- Volatile: PostgreSQL would call an immutable function while it plans.
CREATE FUNCTION redshift.too_long(type text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'value too long for type ' || type, ERRCODE = '22001';
END $$;

-- What PostgreSQL has no place for. The tables are keyed by oid: they survive a rename, and what
-- belongs to a dropped table joins with nothing.
CREATE TABLE redshift.table_attributes (
    tbl oid PRIMARY KEY, diststyle text NOT NULL, autosort boolean NOT NULL, interleaved boolean NOT NULL,
    autoencode boolean NOT NULL, created timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'UTC'));
CREATE TABLE redshift.column_attributes (
    tbl oid, attnum smallint, encoding text, distkey boolean NOT NULL DEFAULT false, sortkey int NOT NULL DEFAULT 0,
    PRIMARY KEY (tbl, attnum));
-- Keys have numbers that PostgreSQL does not come to: they stand for a constraint, and for its index.
CREATE SEQUENCE redshift.key_numbers START 4000000000;
CREATE TABLE redshift.keys (
    oid oid NOT NULL DEFAULT nextval('redshift.key_numbers'), tbl oid, name text, kind "char" NOT NULL,
    columns smallint[] NOT NULL, foreign_table oid, foreign_columns smallint[], PRIMARY KEY (tbl, name));
GRANT USAGE ON SEQUENCE redshift.key_numbers TO PUBLIC;
GRANT INSERT, UPDATE, DELETE ON redshift.table_attributes, redshift.column_attributes, redshift.keys TO PUBLIC;

-- Byte checks for the character columns of a table that have none, or one for another length. ``fits`` says that the
-- rows that are there need not be looked at.
CREATE FUNCTION redshift.measure_bytes(tbl regclass, fits boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    col record;
    bytes int;
    name text;
BEGIN
    FOR col IN
        SELECT attname, attnum, atttypmod - 4 AS bytes, format_type(atttypid, atttypmod) AS type,
               (SELECT c.conname FROM pg_constraint c WHERE c.conrelid = tbl AND c.contype = 'c'
                AND c.conkey = ARRAY[a.attnum] AND c.conname LIKE 'bytes\_%' ESCAPE '\') AS checked
        FROM pg_attribute a
        WHERE attrelid = tbl AND attnum > 0 AND NOT attisdropped AND atttypmod > 4
          AND atttypid IN ('varchar'::regtype, 'bpchar'::regtype)
    LOOP
        name := format('bytes_%s_%s', col.attnum, col.bytes);
        CONTINUE WHEN col.checked = name;
        IF col.checked IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', tbl, col.checked);
        END IF;
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK ((octet_length(%I) <= %s) IS NOT FALSE OR redshift.too_long(%L))%s',
                       tbl, name, col.attname, col.bytes, col.type, CASE WHEN fits THEN ' NOT VALID' ELSE '' END);
    END LOOP;
END $$;
ALTER FUNCTION redshift.measure_bytes SET standard_conforming_strings = on;

-- Record the attributes of a table just created, given as JSON; a second CREATE ... IF NOT EXISTS changes nothing.
CREATE FUNCTION redshift.adopt(tbl regclass, attributes jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM redshift.measure_bytes(tbl, (attributes->>'fits')::boolean);
    INSERT INTO redshift.table_attributes (tbl, diststyle, autosort, interleaved, autoencode)
    VALUES (tbl, attributes->>'diststyle', (attributes->>'autosort')::boolean, (attributes->>'interleaved')::boolean,
            (attributes->>'autoencode')::boolean)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF attributes->>'parent' <> '' THEN
        PERFORM redshift.inherit(tbl, (attributes->>'parent')::regclass);
    END IF;
    PERFORM redshift.attribute(tbl, attributes);
    PERFORM redshift.zone_maps(tbl);
END $$;

-- Zone maps: Redshift knows the smallest and the largest value of each block of a column, and reads only the blocks that
-- a range of the sort key may be in. A BRIN index does the same here. ANALYZE brings it up to date; what was written
-- since then is always read.
CREATE FUNCTION redshift.zone_maps(tbl regclass) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    name text := format('zone maps of %s', tbl::oid);
    col text;
BEGIN
    EXECUTE format('DROP INDEX IF EXISTS %s%I',
                   (SELECT format('%I.', nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = tbl), name);
    SELECT attname INTO col FROM pg_attribute a JOIN redshift.column_attributes c ON c.tbl = attrelid AND c.attnum = a.attnum
    WHERE attrelid = zone_maps.tbl AND c.sortkey = 1 AND atttypid IN
        ('timestamp'::regtype, 'timestamptz'::regtype, 'date'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype);
    IF FOUND THEN
        EXECUTE format('CREATE INDEX %I ON %s USING brin (%I)', name, tbl, col);
    END IF;
END $$;

-- ANALYZE passes over a table of which less than 10 % has changed since the last time (analyze_threshold_percent).
CREATE FUNCTION redshift.refresh(tbl regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM brin_summarize_new_values(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = tbl AND relname = format('zone maps of %s', tbl::oid);
    IF coalesce((SELECT n_mod_since_analyze * 10 >= n_live_tup OR last_analyze IS NULL
                 FROM pg_stat_all_tables WHERE relid = tbl), true) THEN
        EXECUTE format('ANALYZE %s', tbl);
    END IF;
END $$;

-- A table made LIKE another takes its distribution, its sort key and its encodings, not its keys.
CREATE FUNCTION redshift.inherit(tbl regclass, parent regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE redshift.table_attributes t
    SET diststyle = p.diststyle, autosort = p.autosort, interleaved = p.interleaved, autoencode = p.autoencode
    FROM redshift.table_attributes p WHERE t.tbl = inherit.tbl AND p.tbl = parent;
    INSERT INTO redshift.column_attributes (tbl, attnum, encoding, distkey, sortkey)
    SELECT inherit.tbl, mine.attnum, c.encoding, c.distkey, c.sortkey
    FROM redshift.column_attributes c
    JOIN pg_attribute a ON a.attrelid = c.tbl AND a.attnum = c.attnum
    JOIN pg_attribute mine ON mine.attrelid = inherit.tbl AND mine.attname = a.attname
    WHERE c.tbl = parent;
END $$;

-- The numbers of columns; names that are no columns are an error, as on Redshift.
CREATE FUNCTION redshift.places(tbl oid, names jsonb) RETURNS smallint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    name text;
    found smallint[] := '{}';
BEGIN
    FOR name IN SELECT jsonb_array_elements_text(names) LOOP
        found := found || (SELECT attnum FROM pg_attribute WHERE attrelid = tbl AND attname = name AND attnum > 0);
        IF found[cardinality(found)] IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = '42703', MESSAGE = format('column "%s" named in key does not exist', name);
        END IF;
    END LOOP;
    RETURN found;
END $$;

-- Columns and keys of a table: what is said of them, beside what was known.
CREATE FUNCTION redshift.attribute(tbl regclass, attributes jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT key AS name, value FROM jsonb_each(attributes->'columns')
    LOOP
        INSERT INTO redshift.column_attributes (tbl, attnum, encoding, distkey, sortkey)
        VALUES (tbl, (redshift.places(tbl, jsonb_build_array(item.name)))[1], item.value->>'encoding',
                coalesce((item.value->>'distkey')::boolean, false), coalesce((item.value->>'sortkey')::int, 0))
        ON CONFLICT ON CONSTRAINT column_attributes_pkey DO UPDATE
        SET encoding = coalesce(excluded.encoding, column_attributes.encoding),
            distkey = excluded.distkey OR column_attributes.distkey,
            sortkey = coalesce(nullif(excluded.sortkey, 0), column_attributes.sortkey);
    END LOOP;
    FOR item IN SELECT value AS key FROM jsonb_array_elements(attributes->'keys') LOOP
        PERFORM redshift.add_key(tbl, item.key);
    END LOOP;
END $$;

-- A key without a name gets the one that PostgreSQL 8.0 gives it.
CREATE FUNCTION redshift.add_key(tbl regclass, key jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent oid := to_regclass(key->>'foreign_table');
    named text := coalesce(key->>'name', concat_ws('_', (SELECT relname FROM pg_class WHERE oid = tbl),
        CASE key->>'kind' WHEN 'p' THEN 'pkey' WHEN 'u' THEN key->'columns'->>0 || '_key' ELSE key->'columns'->>0 || '_fkey' END));
    number text := '';
BEGIN
    WHILE EXISTS (SELECT FROM redshift.keys k WHERE k.tbl = add_key.tbl AND k.name = named || number) LOOP
        IF key->>'name' IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = '42710', MESSAGE = format('constraint "%s" for relation "%s" already exists', named, tbl);
        END IF;
        number := coalesce(nullif(number, ''), '0')::int + 1;
    END LOOP;
    INSERT INTO redshift.keys (tbl, name, kind, columns, foreign_table, foreign_columns)
    VALUES (tbl, named || number, (key->>'kind')::"char", redshift.places(tbl, key->'columns'), parent,
            CASE WHEN parent IS NOT NULL THEN nullif(redshift.places(parent, key->'foreign_columns'), '{}') END);
END $$;

-- What ALTER TABLE changes of the attributes, which are JSON as those of redshift.adopt.
CREATE FUNCTION redshift.drop_key(tbl regclass, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM redshift.keys k WHERE k.tbl = drop_key.tbl AND k.name = key;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42704', MESSAGE = format('constraint "%s" does not exist', key);
    END IF;
END $$;

CREATE FUNCTION redshift.extend(tbl regclass, attributes jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM redshift.measure_bytes(tbl);
    PERFORM redshift.attribute(tbl, attributes);
END $$;

CREATE FUNCTION redshift.change_diststyle(tbl regclass, attributes jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE redshift.column_attributes c SET distkey = false WHERE c.tbl = change_diststyle.tbl;
    PERFORM redshift.attribute(tbl, attributes);
    UPDATE redshift.table_attributes t SET diststyle = attributes->>'diststyle' WHERE t.tbl = change_diststyle.tbl;
END $$;

CREATE FUNCTION redshift.change_sortkey(tbl regclass, attributes jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE redshift.column_attributes c SET sortkey = 0 WHERE c.tbl = change_sortkey.tbl;
    PERFORM redshift.attribute(tbl, attributes);
    UPDATE redshift.table_attributes t
    SET autosort = attributes->'columns' = '{}', interleaved = false WHERE t.tbl = change_sortkey.tbl;
    PERFORM redshift.zone_maps(tbl);
END $$;

-- ENCODE of a column, or ENCODE AUTO, which names none.
CREATE FUNCTION redshift.change_encoding(tbl regclass, attributes jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM redshift.attribute(tbl, attributes);
    UPDATE redshift.table_attributes t SET autoencode = attributes->'columns' = '{}' WHERE t.tbl = change_encoding.tbl;
END $$;

CREATE FUNCTION redshift.resize(tbl regclass, col text, type text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', tbl, col, type);
    PERFORM redshift.measure_bytes(tbl);
END $$;
