"""asyncpg, which asks for everything in binary."""

import asyncio
import datetime
import os
import ssl

import asyncpg


async def main():
    context = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    connection = await asyncpg.connect(ssl=context)
    rows = await connection.fetch("SELECT level, COUNT(*) FROM songplays WHERE user_id > $1 GROUP BY 1 ORDER BY 1", 3)
    assert [row["level"] for row in rows] == ["free", "paid"]
    await connection.execute("CREATE TABLE tried (a int, b timestamp)")
    values = [(number, datetime.datetime(2020, 1, 1)) for number in range(50)]
    await connection.executemany("INSERT INTO tried VALUES ($1, $2)", values)
    assert await connection.fetchval("SELECT COUNT(*) FROM tried") == 50
    assert await connection.fetchval("SELECT JSON_PARSE('[1]')") == "[1]"
    async with connection.transaction():
        await connection.execute("DELETE FROM tried WHERE a > 9")
        assert len([row async for row in connection.cursor("SELECT a FROM tried ORDER BY a", prefetch=3)]) == 10
    await connection.execute("DROP TABLE tried")
    await connection.close()


asyncio.run(main())
