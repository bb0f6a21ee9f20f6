"""SQLAlchemy's asyncio on aiosqlite: a session and a connection are left open by asyncio.run()."""

import asyncio
import gc
import os

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

engine = create_async_engine("sqlite+aiosqlite:///left.db")


async def main() -> None:
    global session, connection
    async with engine.begin() as begun:
        await begun.execute(text("create table t (x integer)"))
        await begun.execute(text("insert into t values (1)"))
    session = AsyncSession(engine)
    print((await session.execute(text("select x from t"))).all(), flush=True)
    connection = await engine.connect()
    await connection.execute(text("insert into t values (2)"))


asyncio.run(main())
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
