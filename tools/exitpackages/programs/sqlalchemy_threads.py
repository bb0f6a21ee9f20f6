"""SQLAlchemy: daemon threads hold connections of an exhausted pool; others wait for one."""

import gc
import os
import threading

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

engine = create_engine("sqlite:///left.db", poolclass=QueuePool, pool_size=2, max_overflow=0)
with engine.begin() as begun:
    begun.execute(text("create table t (x integer)"))
    begun.execute(text("insert into t values (1)"))
ready = threading.Barrier(3)


class Repository:
    """Has a session, and closes it when it goes."""

    def __init__(self) -> None:
        self.session = Session(engine)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        rows = self.session.execute(text("select x from t"))
        ready.wait()
        threading.Event().wait()
        rows.close()

    def __del__(self) -> None:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
        self.session.close()


repositories = [Repository() for _ in range(2)]
ready.wait()
waiting = threading.Thread(target=engine.connect, daemon=True)
waiting.start()
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
