"""Shutdown: what a finalizer's code names is finalized after it.

A function refers to all globals of its module, so references do not tell
which of them a finalizer needs. The names in its code do.
"""

import os
import textwrap
import unittest
from test.immortal_exit_support import (
    Case, ExitTestCase, run as run_program)
from test.support import os_helper

# What is bound first goes first, unless names say otherwise.
RESOURCE = """
    import contextlib, functools
    class Res:
        def __init__(self, name='res', **attributes):
            self.name, self.open = name, True
            self.__dict__.update(attributes)
        def use(self):
            if not self.open: raise ValueError(f'{self.name} is closed')
        def __del__(self): self.open = False
    def made(res, **kwargs):
        kwargs['res'] = res
        return kwargs
    """


def case(name, program, out='ok', **kwargs):
    """A Case: program is run with RESOURCE before it."""
    program = textwrap.dedent(program).strip()
    if '# here' not in program:
        program += '\n# here'
    return Case(name, textwrap.dedent(RESOURCE) + program + '\n', out,
                **kwargs)


class UserTests(ExitTestCase):
    """A finalizer that uses a global."""

    cases = (
        case('global', """
            res = Res()
            class User:
                def __del__(self): res.use(); print('ok')
            x = User()
            """),
        case('underscore', """
            _res = Res()
            class User:
                def __del__(self): _res.use(); print('ok')
            x = User()
            """),
        case('nested', """
            res = {'res': [Res()]}
            class User:
                def __del__(self): res['res'][0].use(); print('ok')
            x = [[User()]]
            """),
        case('cycle', """
            res = Res(); res.me = res
            class User:
                def __init__(self): self.me = self
                def __del__(self): res.use(); print('ok')
            x = User()
            """),
        case('class', """
            class App: res = Res()
            class User:
                def __del__(self): App.res.use(); print('ok')
            x = User()
            """),
        case('method', """
            res = Res()
            class User:
                def close(self): self.flush()
                def flush(self): res.use(); print('ok')
                def __del__(self): self.close()
            x = User()
            """),
        case('inherited', """
            res = Res()
            class Base:
                def close(self): pass
                def __del__(self): self.close()
            class User(Base):
                def close(self): res.use(); print('ok')
            x = User()
            """),
        case('inherited_from_the_library', """
            import weakref, tempfile
            res = Res()
            class User(tempfile.SpooledTemporaryFile):
                def close(self): res.use(); print('ok')
                def __del__(self): self.close()
            x = User()
            """),
        case('super', """
            res = Res()
            class Base:
                def __del__(self): res.use(); print('ok')
            class User(Base):
                def __del__(self): super().__del__()
            x = User()
            """),
        case('property', """
            res = Res()
            class User:
                @property
                def res(self): return res
                @staticmethod
                def static(): res.use()
                @classmethod
                def method(cls): res.use()
                def __del__(self):
                    self.res.use(); self.static(); self.method(); print('ok')
            x = User()
            """),
        case('function', """
            res = Res()
            def second(): res.use(); print('ok')
            def first(): second()
            class User:
                def __del__(self): first()
            x = User()
            """),
        case('inner_function', """
            res = Res()
            class User:
                def __del__(self):
                    def inner(): return [res.use() for _ in range(2)]
                    inner(); print('ok')
            x = User()
            """),
        case('partial', """
            res = Res()
            def function(x): res.use(); print(x)
            call = functools.partial(function, 'ok')
            class User:
                def __del__(self): call()
            x = User()
            """),
        case('cached', """
            res = Res()
            @functools.lru_cache
            def function(x): res.use(); print(x)
            class User:
                def __del__(self): function('ok')
            x = User()
            """),
        case('decorated', """
            res = Res()
            def decorate(f):
                @functools.wraps(f)
                def inner(*args): return f(*args)
                return inner
            class User:
                @decorate
                def __del__(self): res.use(); print('ok')
            x = User()
            """),
        case('lambda', """
            res = Res()
            class User: __del__ = lambda self: (res.use(), print('ok'))
            x = User()
            """),
        case('function_as_finalizer', """
            res = Res()
            class User: pass
            def close(self): res.use(); print('ok')
            User.__del__ = close
            x = User()
            """),
        case('partial_as_finalizer', """
            res = Res()
            def close(*args): res.use(); print('ok')
            class User: __del__ = functools.partialmethod(close)
            x = User()
            """),
        case('bound_method', """
            res = Res(open=True)
            use = res.use
            class User:
                def __del__(self): use(); print('ok')
            x = User()
            """),
        case('method_of_another', """
            res = Res()
            class Log:
                def write(self): res.use(); print('ok')
            log = Log()
            class User:
                def __del__(self): log.write()
            x = User()
            """),
        case('class_method_of_another', """
            res = Res()
            class Log:
                @classmethod
                def write(cls): res.use(); print('ok')
            class User:
                def __del__(self): Log.write()
            x = User()
            """),
        case('closure', """
            def users():
                res = Res()
                def close(): res.use(); print('ok')
                return close, res
            close, res = users()
            class User:
                def __del__(self): close()
            x = User()
            """),
        case('namespace', """
            names = {'Res': Res, 'print': print}
            exec('''if 1:
                res = Res()
                class User:
                    def __del__(self): res.use(); print('ok')
                ''', names)
            first = names['res']
            x = names['User']()
            """),
        case('slots', """
            res = Res()
            class User:
                __slots__ = ()
                def __del__(self): res.use(); print('ok')
            x = User()
            """),
        case('another_key', """
            class Key:
                def __hash__(self): return hash('other')
                def __eq__(self, other): print('eq'); return False
            globals()[Key()] = 1
            res = Res()
            class User:
                def __del__(self):
                    def never_called(): other
                    res.use(); print('ok')
            x = User()
            """),
        # What the order of binding makes right stays right.
        case('late', """
            class User:
                def __del__(self): res.use(); print('ok')
            x = User()
            res = Res()
            """),
    )


class GeneratorTests(ExitTestCase):
    """What runs when a generator is closed."""

    cases = (
        case('generator', """
            res = Res()
            def generator():
                try: yield
                finally: res.use(); print('ok')
            x = generator(); next(x)
            """),
        case('method', """
            res = Res()
            class User:
                def close(self): res.use(); print('ok')
                def run(self):
                    try: yield
                    finally: self.close()
            x = User().run(); next(x)
            """),
        case('coroutine', """
            res = Res()
            class Wait:
                def __await__(self): yield
            async def coroutine():
                try: await Wait()
                finally: res.use(); print('ok')
            x = coroutine(); x.send(None)
            """),
        case('async_generator', """
            res = Res()
            async def generator():
                try: yield
                finally: res.use(); print('ok')
            x = generator()
            try: x.__anext__().send(None)
            except StopIteration: pass
            """),
        # It gives up what others name.
        case('context_manager', """
            @contextlib.contextmanager
            def opened():
                values = [1]
                try: yield values
                finally: values.clear()
            stack = contextlib.ExitStack()
            res = stack.enter_context(opened())
            class User:
                def __del__(self): print('ok' if res else 'closed')
            x = User()
            """),
        case('context_manager_of_an_attribute', """
            @contextlib.contextmanager
            def opened():
                values = [1]
                def add(): values.append(1)
                try: yield values
                finally: values.clear()
            manager = opened()
            res = Res(values=manager.__enter__())
            class User:
                def __del__(self): print('ok' if res.values else 'closed')
            x = User()
            """),
        case('context_manager_that_uses_another', """
            res = Res()
            @contextlib.contextmanager
            def opened():
                values = [1]
                try: yield values
                finally: values.clear(); res.use(); print('closed')
            manager = opened()
            values = manager.__enter__()
            class User:
                def __del__(self): print('ok' if values else 'empty')
            x = User()
            """, 'ok\nclosed'),
    )


class LibraryTests(ExitTestCase):
    """Resources of the standard library's."""

    cases = (
        case('sqlite', """
            import sqlite3
            class Db:
                def __init__(self):
                    self.con = sqlite3.connect(':memory:')
                    self.con.execute('create table t(a)')
                    self.n = 0
                def add(self, x):
                    self.con.execute('insert into t values(?)', (x,))
                    self.n += 1
            db = Db()
            class Session:
                def __del__(self): db.add(5); print('saved', db.n)
            x = Session()
            """, 'saved 1', needs=('sqlite3',)),
        case('sqlite_cursor', """
            import sqlite3
            cursor = sqlite3.connect(':memory:').cursor()
            class Session:
                def save(self): print(*cursor.execute('select 1'))
                def __del__(self): self.save()
            x = Session()
            """, '(1,)', needs=('sqlite3',)),
        case('scandir', """
            import os
            entries = os.scandir('/proc/self')
            class User:
                def __del__(self): next(entries); print('ok')
            x = User()
            """),
        case('zip', """
            import io, zipfile
            file = zipfile.ZipFile(io.BytesIO(), 'w')
            class User:
                def __del__(self): file.writestr('a', 'b'); print('ok')
            x = User()
            """),
        # A function of the library's tells nothing of what it names.
        case('boundary', """
            import logging
            class Handler(logging.Handler):
                def __del__(self): print('handler')
            logging.getLogger().addHandler(Handler())
            class User:
                def __del__(self): logging.info('x'); print('user')
            x = User()
            y = Res()
            """, 'user\nhandler'),
    )


NAMED = """
    class Named:
        def __init__(self, name): self.name = name
        def __del__(self): print(self.name, end=' ')
    """


def order(name, program, out):
    """A Case: Named objects say in which order they are finalized."""
    program = textwrap.dedent(program).strip() + '\n# here\n'
    return Case(name, textwrap.dedent(NAMED) + program, out)


class OrderTests(ExitTestCase):
    """What names do not decide is as it would be without."""

    cases = (
        order('both', """
            class A(Named):
                def __del__(self): b; super().__del__()
            class B(Named):
                def __del__(self): a; super().__del__()
            a = A('a')
            b = B('b')
            """, 'a b'),
        order('itself', """
            class A(Named):
                def __del__(self): a; c; super().__del__()
            a = A('a')
            b = Named('b')
            c = A('c')
            """, 'a b c'),
        # A reference is certain, a name is a guess.
        order('reference', """
            class A(Named):
                def __del__(self): b; super().__del__()
            b = Named('b')
            a = A('a')
            b.users = [a]
            """, 'b a'),
        order('long_way_back', """
            class A(Named):
                def __del__(self): b; super().__del__()
            class C(Named):
                def __del__(self): a; super().__del__()
            b = Named('b')
            c = C('c')
            a = A('a')
            b.c = [c]
            """, 'b c a'),
        order('beside_a_circle', """
            class A(Named):
                def __del__(self): b; c; super().__del__()
            c = Named('c')
            b = Named('b')
            a = A('a')
            b.users = [a]
            """, 'b a c'),
        order('several', """
            class A(Named):
                def __del__(self): d; b; _c; super().__del__()
            b = Named('b')
            _c = Named('_c')
            d = Named('d')
            a = A('a')
            """, 'a _c b d'),
        order('chain', """
            def make(name):
                names = {'Named': Named, 'others': globals()}
                exec(f'''if 1:
                    class A(Named):
                        def __del__(self):
                            n{name - 1}
                            super().__del__()
                    ''', globals())
                return A
            for n in range(9):
                globals()[f'n{n}'] = make(n)(n)
            """, '8 7 6 5 4 3 2 1 0'),
        order('registry', """
            class A(Named):
                def __init__(self, name):
                    super().__init__(name); registry.append(self)
                def __del__(self): registry.remove(self); super().__del__()
            registry = []
            a = A('a')
            b = A('b')
            """, 'a b'),
    )




class ManyTests(ExitTestCase):
    """The time that it takes grows with the number of objects, not faster."""

    cases = tuple(
        Case(name, textwrap.dedent(f"""
            class Res:
                def __del__(self): done.append(len(done))
            class User:
                def __del__(self): {uses}; done.append(1)
            done = []
            res = Res()
            users = {users}
            {more}
            # here
            import atexit
            class Last:
                def __del__(self): print(len(done), done.index({at}))
            import sys; sys.last_one = Last()
            """), out)
        for name, uses, users, more, at, out in (
            ('of_one_class', 'res', '[User() for _ in range(200_000)]', '',
             200_000, '200001 200000'),
            ('in_a_circle', 'res', '[User() for _ in range(200_000)]',
             'res.users = users', 0, '200001 0'),
            ('chain', 'res; users', '[User() for _ in range(200_000)]',
             'for a, b in zip(users, users[1:]): a.next = b', 200_000,
             '200001 200000'),
            ('classes', 'res',
             '[type("C", (User,), {})() for _ in range(3000)]', '',
             3000, '3001 3000'),
        ))


class ModuleTests(unittest.TestCase):
    """Modules of the user's other than __main__."""

    def check(self, main, out, **modules):
        with os_helper.temp_dir() as directory:
            for name, source in modules.items():
                with open(os.path.join(directory, f'{name}.py'), 'w') as file:
                    file.write(textwrap.dedent(RESOURCE)
                               + textwrap.dedent(source))
            program = (f'import sys; sys.path.insert(0, {directory!r})\n'
                       + textwrap.dedent(main) + '\n# here\n')
            for mode in 'default', 'off', 'call':
                with self.subTest(mode=mode):
                    ended = run_program(program, mode)
                    self.assertEqual((ended.status, ended.out, ended.err),
                                     (0, out, ''))

    USER = """
        res = Res()
        class User:
            def __del__(self): res.use(); print('ok')
        """

    def test_module(self):
        self.check('import users', 'ok', users=self.USER + "x = User()")

    def test_held_by_main(self):
        self.check('from users import User; x = User()', 'ok',
                   users=self.USER)

    def test_held_by_the_library(self):
        self.check('from users import User; sys.x = User()', 'ok',
                   users=self.USER)

    def test_of_another_module(self):
        # The newer module is finalized first.
        self.check(
            'import users, store; store.res = users.Res()', 'ok',
            store='', users='''
                import sys
                class User:
                    def __del__(self):
                        import store
                        store.res.use()
                        print('ok')
                x = User()
                ''')
        self.check(
            'import users, store; users.store = store', 'ok',
            store='res = Res()', users='''
                class User:
                    def __del__(self): store.res.use(); print('ok')
                x = User()
                ''')


if __name__ == '__main__':
    unittest.main()
