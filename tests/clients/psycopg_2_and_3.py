"""psycopg2 and psycopg 3, with libpq's variables alone."""

import psycopg
import psycopg2

with psycopg2.connect("") as connection, connection.cursor() as cursor:
    cursor.execute("SELECT COUNT(*) FROM songplays WHERE user_id > %s", (0,))
    (plays,) = cursor.fetchone()
connection.close()

with psycopg.connect() as connection:
    assert connection.execute("SELECT COUNT(*) FROM songplays WHERE user_id > %s", (0,)).fetchone() == (plays,)
    connection.execute("CREATE TABLE tried (a int, b varchar(20)) DISTKEY (a) SORTKEY (b)")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO tried VALUES (%s, %s)", [(number, str(number)) for number in range(100)])
    rows = connection.execute("SELECT a, b FROM tried ORDER BY a LIMIT 2", binary=True).fetchall()
    assert rows == [(0, "0"), (1, "1")]
    assert connection.execute("SELECT JSON_PARSE('[1]')").fetchone() == ("[1]",)
    connection.rollback()
    with connection.cursor(name="walk") as cursor:
        cursor.itersize = 1000
        assert sum(1 for _ in cursor.execute("SELECT start_time FROM songplays")) == plays
with psycopg.connect(autocommit=True) as connection:
    with connection.pipeline():
        connection.execute("CREATE TABLE tried (a int) SORTKEY (a)")
        connection.execute("INSERT INTO tried VALUES (%s)", (1,))
        found = connection.execute("SELECT a + 1 AS b, b + 1 AS c FROM tried").fetchall()
    assert found == [(2, 3)]
    connection.execute("DROP TABLE tried")
