"""Amazon's own driver, and awswrangler on it."""

import os

import awswrangler as wr
import pandas as pd
import redshift_connector

place = {name: os.environ[f"PG{name.upper()}"] for name in ("host", "user", "password", "database")}
connection = redshift_connector.connect(**place, port=int(os.environ["PGPORT"]))
with connection.cursor() as cursor:
    cursor.execute("SELECT level, COUNT(*) FROM songplays WHERE user_id > %s GROUP BY 1 ORDER BY 1", (0,))
    assert [row[0] for row in cursor.fetchall()] == ["free", "paid"]
    cursor.execute("CREATE TEMP TABLE tried (a int, b varchar(10), c super) DISTSTYLE ALL")
    cursor.executemany("INSERT INTO tried (a, b) VALUES (%s, %s)", [(1, "a"), (2, "b")])
    cursor.execute("SELECT a, b, c FROM tried ORDER BY a")
    assert [tuple(row) for row in cursor.fetchall()] == [(1, "a", None), (2, "b", None)]
connection.commit()
with connection.cursor() as cursor:
    assert [tuple(row)[3:] for row in cursor.get_primary_keys(schema="public", table="songplays")] == [
        ("songplay_id", 1, "songplays_pkey")
    ]
    assert "users" in [row[2] for row in cursor.get_tables(schema_pattern="public", types=["TABLE"])]
    assert "level" in [row[3] for row in cursor.get_columns(schema_pattern="public", tablename_pattern="users")]
    cursor.write_dataframe(pd.DataFrame({"a": [9]}), "tried")

assert len(wr.redshift.read_sql_query("SELECT * FROM users ORDER BY 1 LIMIT 5", con=connection)) == 5
first, second = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), pd.DataFrame({"a": [2, 3], "b": ["z", "w"]})
where = {"con": connection, "schema": "public", "table": "wrangled", "primary_keys": ["a"]}
wr.redshift.to_sql(first, mode="overwrite", **where)
wr.redshift.to_sql(second, mode="upsert", **where)
del where["primary_keys"]  # they are known
wr.redshift.to_sql(second, mode="upsert", **where)
found = wr.redshift.read_sql_table(table="wrangled", schema="public", con=connection)
assert sorted(map(tuple, found.values.tolist())) == [(1, "x"), (2, "z"), (3, "w")]
with connection.cursor() as cursor:
    cursor.execute("DROP TABLE wrangled")
connection.commit()
connection.close()
