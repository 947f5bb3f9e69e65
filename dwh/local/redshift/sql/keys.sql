-- Keys, which nothing enforces, where Redshift shows them: as constraints, and PRIMARY KEY and UNIQUE as indexes besides.
-- A statement that names a relation or a function of these reads ours (dialect/refusals.py, CATALOGUE).
CREATE VIEW redshift.known_keys AS
SELECT k.oid, k.tbl, k.name::name, k.kind, k.columns, c.relname, c.relnamespace, c.relowner, f.oid AS foreign_table,
       coalesce(k.foreign_columns, p.columns) AS foreign_columns
FROM redshift.keys AS k
JOIN pg_class AS c ON c.oid = k.tbl
LEFT JOIN pg_class AS f ON f.oid = k.foreign_table
LEFT JOIN redshift.keys AS p ON p.tbl = f.oid AND p.kind = 'p'
WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = k.tbl AND attnum = ANY (k.columns) AND attisdropped);

CREATE VIEW redshift.pg_constraint AS
SELECT oid, name AS conname, relnamespace AS connamespace, kind AS contype, false AS condeferrable, false AS condeferred,
       true AS convalidated, tbl AS conrelid, 0::oid AS contypid, CASE WHEN kind = 'f' THEN 0 ELSE oid END AS conindid,
       coalesce(foreign_table, 0) AS confrelid, CASE WHEN kind = 'f' THEN 'a' ELSE ' ' END::"char" AS confupdtype,
       CASE WHEN kind = 'f' THEN 'a' ELSE ' ' END::"char" AS confdeltype,
       CASE WHEN kind = 'f' THEN 'u' ELSE ' ' END::"char" AS confmatchtype, columns AS conkey,
       CASE WHEN kind = 'f' THEN foreign_columns END AS confkey, NULL::text AS conbin, NULL::text AS consrc
FROM redshift.known_keys WHERE kind <> 'f' OR foreign_columns IS NOT NULL;
CREATE VIEW redshift.pg_index AS
SELECT oid AS indexrelid, tbl AS indrelid, array_to_string(columns, ' ')::int2vector AS indkey, ''::oidvector AS indclass,
       cardinality(columns)::smallint AS indnatts, true AS indisunique, kind = 'p' AS indisprimary, false AS indisclustered,
       true AS indisvalid, NULL::text AS indexprs, NULL::text AS indpred
FROM redshift.known_keys WHERE kind <> 'f';

CREATE FUNCTION redshift.column_list(tbl oid, columns smallint[]) RETURNS text LANGUAGE sql STABLE AS $$
SELECT '(' || string_agg(quote_ident(attname), ', ' ORDER BY place) || ')'
FROM unnest(columns) WITH ORDINALITY AS u (number, place) JOIN pg_attribute ON attrelid = tbl AND attnum = number
$$;
CREATE FUNCTION redshift.pg_get_constraintdef(number oid, pretty boolean DEFAULT false) RETURNS text LANGUAGE sql STABLE AS $$
SELECT CASE kind WHEN 'p' THEN 'PRIMARY KEY ' WHEN 'u' THEN 'UNIQUE ' ELSE 'FOREIGN KEY ' END || redshift.column_list(tbl, columns)
       || CASE WHEN kind = 'f' THEN format(' REFERENCES %s', foreign_table::regclass)
                                    || redshift.column_list(foreign_table, foreign_columns) ELSE '' END
FROM redshift.known_keys WHERE oid = number
$$;
CREATE FUNCTION redshift.pg_get_indexdef(number oid, place int DEFAULT 0, pretty boolean DEFAULT false) RETURNS text LANGUAGE sql STABLE AS $$
SELECT format('CREATE UNIQUE INDEX %I ON %s.%I USING btree %s', name, relnamespace::regnamespace, relname,
              redshift.column_list(tbl, columns))
FROM redshift.known_keys WHERE oid = number AND kind <> 'f'
$$;
CREATE VIEW redshift.pg_indexes AS
SELECT n.nspname AS schemaname, k.relname AS tablename, k.name AS indexname, NULL::name AS tablespace,
       redshift.pg_get_indexdef(k.oid) AS indexdef
FROM redshift.known_keys AS k JOIN pg_namespace AS n ON n.oid = k.relnamespace WHERE k.kind <> 'f';

-- What each row of the views below begins with: the constraint, and its table.
CREATE VIEW redshift.named_keys AS
SELECT current_database()::information_schema.sql_identifier AS catalog, nspname::information_schema.sql_identifier AS schema,
       k.name::information_schema.sql_identifier AS key, k.relname::information_schema.sql_identifier AS relation, k.*
FROM redshift.known_keys AS k JOIN pg_namespace AS n ON n.oid = relnamespace;
CREATE OR REPLACE VIEW information_schema.table_constraints AS
SELECT catalog AS constraint_catalog, schema AS constraint_schema, key AS constraint_name, catalog AS table_catalog,
       schema AS table_schema, relation AS table_name,
       CASE kind WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE 'FOREIGN KEY' END::information_schema.character_data
           AS constraint_type, 'NO'::information_schema.yes_or_no AS is_deferrable,
       'NO'::information_schema.yes_or_no AS initially_deferred, 'NO'::information_schema.yes_or_no AS enforced,
       NULL::information_schema.yes_or_no AS nulls_distinct
FROM redshift.named_keys;
CREATE OR REPLACE VIEW information_schema.key_column_usage AS
SELECT catalog AS constraint_catalog, schema AS constraint_schema, key AS constraint_name, catalog AS table_catalog,
       schema AS table_schema, relation AS table_name, a.attname::information_schema.sql_identifier AS column_name,
       u.place::information_schema.cardinal_number AS ordinal_position,
       CASE WHEN kind = 'f' THEN u.place END::information_schema.cardinal_number AS position_in_unique_constraint
FROM redshift.named_keys CROSS JOIN LATERAL unnest(columns) WITH ORDINALITY AS u (number, place)
JOIN pg_attribute AS a ON a.attrelid = tbl AND a.attnum = u.number;
CREATE OR REPLACE VIEW information_schema.referential_constraints AS
SELECT k.catalog AS constraint_catalog, k.schema AS constraint_schema, k.key AS constraint_name,
       p.catalog AS unique_constraint_catalog, p.schema AS unique_constraint_schema, p.key AS unique_constraint_name,
       'NONE'::information_schema.character_data AS match_option,
       'NO ACTION'::information_schema.character_data AS update_rule, 'NO ACTION'::information_schema.character_data AS delete_rule
FROM redshift.named_keys AS k
LEFT JOIN redshift.named_keys AS p ON p.tbl = k.foreign_table AND p.columns = k.foreign_columns AND p.kind <> 'f'
WHERE k.kind = 'f';
CREATE OR REPLACE VIEW information_schema.constraint_column_usage AS
SELECT k.catalog AS table_catalog, n.nspname::information_schema.sql_identifier AS table_schema,
       c.relname::information_schema.sql_identifier AS table_name, a.attname::information_schema.sql_identifier AS column_name,
       k.catalog AS constraint_catalog, k.schema AS constraint_schema, k.key AS constraint_name
FROM redshift.named_keys AS k
JOIN pg_class AS c ON c.oid = CASE WHEN k.kind = 'f' THEN k.foreign_table ELSE k.tbl END
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (CASE WHEN k.kind = 'f' THEN k.foreign_columns ELSE k.columns END);
