"""SQLAlchemy with Redshift's dialect: tables with keys, reflection, pandas in both directions."""

import os

import pandas as pd
import sqlalchemy as sa

url = sa.URL.create(
    "redshift+psycopg2",
    username=os.environ["PGUSER"],
    password=os.environ["PGPASSWORD"],
    host=os.environ["PGHOST"],
    port=int(os.environ["PGPORT"]),
    database=os.environ["PGDATABASE"],
)
tls = {"sslmode": "verify-full", "sslrootcert": os.environ["PGSSLROOTCERT"]}
engine = sa.create_engine(url, connect_args=tls)
metadata = sa.MetaData()
table = sa.Table(
    "alchemy",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, redshift_identity=(0, 1)),
    sa.Column("name", sa.String(30), redshift_encode="zstd"),
    redshift_diststyle="KEY",
    redshift_distkey="id",
    redshift_sortkey="name",
)
with engine.begin() as connection:
    metadata.create_all(connection)
    connection.execute(table.insert(), [{"name": "a"}, {"name": "b"}])
    assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 2
reflected = sa.MetaData()
reflected.reflect(engine, only=["alchemy"])
assert {column.name: str(column.type) for column in reflected.tables["alchemy"].columns} == {
    "id": "INTEGER",
    "name": "VARCHAR(30)",
}
assert [column.name for column in reflected.tables["alchemy"].primary_key] == ["id"]
inspector = sa.inspect(engine)
assert inspector.get_pk_constraint("songplays")["constrained_columns"] == ["songplay_id"]
keys = inspector.get_foreign_keys("songplays")
assert {key["referred_table"].strip('"'): key["referred_columns"] for key in keys} == {
    "time": ["start_time"],
    "users": ["user_id"],
    "songs": ["song_id"],
    "artists": ["artist_id"],
}
assert {"songplays", "users", "alchemy"} <= set(inspector.get_table_names())
options = inspector.get_table_options("alchemy")
assert (options["redshift_diststyle"], options["redshift_distkey"]) == ("KEY", "id"), options
frame = pd.DataFrame({"x": [1, 2], "y": ["a", "b"]})
frame.to_sql("frame", engine, index=False, if_exists="replace")
assert pd.read_sql("SELECT * FROM frame ORDER BY x", engine).equals(frame)
with engine.begin() as connection:
    connection.execute(sa.text("DROP TABLE frame"))
    metadata.drop_all(connection)
