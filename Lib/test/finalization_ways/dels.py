"""What finalizers do: make more of them, resurrect, use everything."""

import os
import sys
from test.finalization_ways.probe import Probe, report, user_module
from test.finalization_ways.registry import way


@way('made by a finalizer', 'p', 'q')
def made():
    class Maker(Probe):
        def __del__(self):
            global made
            super().__del__()
            made = Probe('q')
    p = Maker('p')


@way('made by a finalizer, dropped', 'p', 'q')
def made_dropped():
    class Maker(Probe):
        def __del__(self):
            super().__del__()
            Probe('q')
    p = Maker('p')


@way('made by a finalizer, in a cycle', 'p', 'q')
def made_cycle():
    class Maker(Probe):
        def __del__(self):
            super().__del__()
            q = Probe('q')
            q.me = q
    p = Maker('p')


@way('made by a finalizer, put on a library module', 'p', 'q')
def made_library():
    class Maker(Probe):
        def __del__(self):
            super().__del__()
            os.q = Probe('q')
    p = Maker('p')


@way('made by a finalizer, put on its own class', 'p', 'q')
def made_class():
    class Maker(Probe):
        def __del__(self):
            super().__del__()
            type(self).q = Probe('q')
    p = Maker('p')


@way('five generations', *(f'p{i}' for i in range(5)))
def generations():
    class Maker(Probe):
        def __del__(self):
            super().__del__()
            number = int(self.name[1:]) + 1
            if number < 5:
                globals()[f'g{number}'] = Maker(f'p{number}')
    p = Maker('p0')


@way('generator started by a finalizer', 'p', 'q')
def made_generator():
    def generator():
        try:
            yield
        finally:
            report('q')

    class Maker(Probe):
        def __del__(self):
            global g
            super().__del__()
            g = generator()
            next(g)
    p = Maker('p')


@way('resurrected')
def resurrected():
    class Phoenix(Probe):
        def __del__(self):
            super().__del__()
            kept.append(self)
    kept = []
    p = Phoenix('p')


@way('resurrected in a cycle', 'p', 'q', anytime=True)
def resurrected_cycle():
    class Phoenix(Probe):
        def __del__(self):
            super().__del__()
            os.kept = self
    p = Phoenix('p')
    p.me = p
    p.other = Probe('q', other=p)
    del p


@way('resurrected before', anytime=True)
def resurrected_before():
    class Phoenix(Probe):
        def __del__(self):
            super().__del__()
            kept.append(self)
    kept = []
    p = Phoenix('p')
    del p
    assert kept


@way('called by hand', 'p', 'q', anytime=True)
def by_hand():
    class Once(Probe):
        ended = False

        def __del__(self):
            if not self.ended:
                self.ended = True
                super().__del__()
    p = Once('p')
    p.__del__()
    q = Probe('q')


@way('dropped by a finalizer', 'p', 'q', 'r')
def dropped():
    class Dropper(Probe):
        def __del__(self):
            super().__del__()
            held.clear()
    p = Dropper('p')
    held = [Probe('q'), Probe('r')]


@way('holder let go by a finalizer', 'p', 'q')
def let_go():
    class Dropper(Probe):
        def __del__(self):
            super().__del__()
            del self.q
    p = Dropper('p', q=Probe('q'))


@way('collects', 'p', 'q')
def collects():
    import gc

    class Collector(Probe):
        def __del__(self):
            gc.collect()
            super().__del__()
    p = Collector('p')
    q = Probe('q')
    q.me = q


@way('runs a child')
def runs_child():
    import subprocess

    class Runner(Probe):
        def __del__(self):
            out = subprocess.check_output(
                [sys.executable, '-I', '-S', '-c', 'print(1)'])
            self.runs += int(out) - 1
            super().__del__()
    p = Runner('p')


@way('runs a thread')
def runs_thread():
    import threading

    class Runner(Probe):
        def __del__(self):
            thread = threading.Thread(target=super().__del__)
            try:
                thread.start()
            except RuntimeError:
                # It could not run any more.  (It is started, and waited for
                # without end, where there is no such error.)
                super().__del__()
            else:
                thread.join(5)
    p = Runner('p')


@way('runs an event loop')
def runs_loop():
    import asyncio

    class Runner(Probe):
        def __del__(self):
            async def main():
                await asyncio.sleep(0)
                super(Runner, self).__del__()
            asyncio.run(main())
    p = Runner('p')


@way('forks', needs=['posix'])
def forks():
    class Forker(Probe):
        def __del__(self):
            try:
                pid = os.fork()
            except RuntimeError:
                if sys.version_info < (3, 12):
                    raise           # later versions refuse it at shutdown
                return super().__del__()
            if pid == 0:
                os._exit(7)
            status = os.waitpid(pid, 0)[1]
            self.runs += os.waitstatus_to_exitcode(status) - 7
            super().__del__()
    p = Forker('p')


@way('imports a user module', 'p', 'q')
def imports_user():
    class Importer(Probe):
        def __del__(self):
            super().__del__()
            user_module('user', '''if True:
                from __main__ import Probe
                q = Probe('q')
                ''')
    p = Importer('p')


@way('imports a package of C modules')
def imports_c():
    class Importer(Probe):
        def __del__(self):
            import decimal
            import xml.etree.ElementTree
            assert decimal.Decimal(1) / 4
            assert xml.etree.ElementTree.fromstring('<a/>') is not None
            super().__del__()
    p = Importer('p')


@way('defines a class')
def defines():
    class Definer(Probe):
        def __del__(self):
            import dataclasses
            import enum
            fields = dataclasses.make_dataclass('D', ['x'])(1)
            member = enum.Enum('E', 'A B').A
            self.runs += fields.x - member.value
            super().__del__()
    p = Definer('p')


@way('reads its source')
def reads_source():
    class Reader(Probe):
        def __del__(self):
            import inspect
            import traceback
            assert 'Reader' in inspect.getsource(Reader.__del__)
            try:
                1 / 0
            except ZeroDivisionError:
                assert '1 / 0' in traceback.format_exc()
            super().__del__()
    p = Reader('p')


@way('sys.is_finalizing is callable')
def is_finalizing():
    class Asker(Probe):
        def __del__(self):
            self.runs += sys.is_finalizing() not in (True, False)
            super().__del__()
    p = Asker('p')
