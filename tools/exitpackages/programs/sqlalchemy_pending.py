"""SQLAlchemy's asyncio: the loop is stopped while a statement is awaited within its greenlet."""

import asyncio
import gc
import os

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

engine = create_async_engine("sqlite+aiosqlite://")


@event.listens_for(engine.sync_engine, "before_cursor_execute")
def slow(conn, cursor, statement, parameters, context, executemany) -> None:
    if "slow" in statement:
        try:
            raise LookupError
        except LookupError:
            await_only(asyncio.sleep(60))


async def statement() -> None:
    async with engine.connect() as connection:
        await connection.execute(text("select 'slow'"))


loop = asyncio.new_event_loop()
task = loop.create_task(statement())
loop.run_until_complete(asyncio.sleep(0.3))
print(task.done(), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
