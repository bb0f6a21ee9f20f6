"""gc.immortalize_heap() on large heaps: the standard library, a million
objects, and nesting that a recursive walk could not follow."""

import gc
import importlib
import types
import unittest
import warnings
from test.immortal_support import isolated
from test.support import requires_resource
from test.test_immortal_closure import Heap, Slotted, records

DEPTH = 10 ** 5

# About 150, so that all kinds of objects are there.  Some may be missing.
MODULES = """
    abc aifc argparse array ast asyncio atexit base64 bdb binascii bisect bz2
    calendar cgi cmath cmd code codecs codeop collections colorsys compileall
    concurrent.futures configparser contextlib contextvars copy copyreg
    cProfile csv ctypes ctypes.util curses dataclasses datetime dbm decimal
    difflib dis doctest email email.mime.text encodings.idna enum errno
    faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools
    getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac
    html.parser http.client http.cookiejar http.server imaplib imghdr
    importlib.metadata importlib.resources inspect io ipaddress itertools json
    keyword linecache locale logging logging.config logging.handlers lzma
    mailbox mailcap marshal math mimetypes mmap modulefinder multiprocessing
    multiprocessing.pool netrc numbers operator optparse os pathlib pdb pickle
    pickletools pkgutil platform plistlib poplib posixpath pprint profile
    pstats pty pwd py_compile pyclbr pydoc queue quopri random re readline
    reprlib resource runpy sched secrets select selectors shelve shlex shutil
    signal site smtplib sndhdr socket socketserver sqlite3 ssl stat statistics
    string stringprep struct subprocess sunau symtable sysconfig syslog
    tabnanny tarfile tempfile termios textwrap threading timeit token tokenize
    tomllib trace traceback tracemalloc tty types typing unicodedata unittest
    unittest.mock urllib.error urllib.parse urllib.request uuid venv warnings
    wave weakref webbrowser wsgiref.simple_server xdrlib xml.dom.minidom
    xml.etree.ElementTree xml.sax xmlrpc.client zipapp zipfile zipimport zlib
    zoneinfo _testcapi _testinternalcapi _testmultiphase _testbuffer
    _xxsubinterpreters xxlimited xxsubtype
""".split()


@isolated
class ApplicationTests(Heap):

    def test_test_framework_alone(self):
        gc.immortalize_heap()
        self.check_closure()

    def test_standard_library(self):
        imported = 0
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', DeprecationWarning)
            for name in MODULES:
                try:
                    importlib.import_module(name)
                    imported += 1
                except ImportError:
                    pass
        self.assertGreater(imported, 120)
        gc.immortalize_heap()
        walk = self.check_closure()
        self.assertGreater(len(walk), 10 ** 5)

    def test_many_objects(self):
        heap = records(10 ** 5)
        gc.immortalize_heap()
        walk = self.check_closure()
        self.assertGreater(len(walk), 10 ** 5)
        self.assertImmortal(heap[-1].items[0][1][heap[-1].name][0])

    def test_what_start_up_left_mortal(self):
        import __main__
        __main__.only_there = [str(id(__main__))]
        gc.immortalize_heap()
        self.assertImmortal(__main__.only_there, *__main__.only_there)
        self.assertFalse(gc.is_immortal(__main__))
        self.assertFalse(gc.is_immortal(__main__.__dict__))
        self.assertTrue(gc.is_tracked(__main__.__dict__))


@isolated
class NestingTests(Heap):
    """Nesting that a recursive walk could not follow."""

    def check(self, outermost, innermost):
        gc.immortalize_heap()
        self.assertImmortal(outermost, innermost)
        self.check_closure()

    def nested(self, wrap):
        innermost = outermost = [str(id(self))]
        for i in range(DEPTH):
            outermost = wrap(outermost)
        return outermost, innermost

    def test_lists(self):
        self.check(*self.nested(lambda obj: [obj]))

    def test_tuples(self):
        self.check(*self.nested(lambda obj: (obj,)))

    def test_untracked_tuples(self):
        innermost = outermost = str(id(self))
        for i in range(DEPTH):
            outermost = (outermost,)
            gc.collect(0)
        self.assertFalse(gc.is_tracked(outermost))
        self.check(outermost, innermost)

    def test_dicts_and_keys(self):
        self.check(*self.nested(lambda obj: {1: obj}))

    def test_instances(self):
        def wrap(obj):
            thing = types.SimpleNamespace()
            thing.next = obj
            slotted = Slotted()
            slotted.one = thing
            return slotted
        self.check(*self.nested(wrap))

    def test_chain_of_instances(self):
        class Node:
            def __init__(self, following):
                self.following = following
        self.check(*self.nested(Node))

    def test_closures_and_partials(self):
        self.check(*self.nested(lambda obj: lambda: obj))

    def test_code_constants(self):
        template = compile('0', '<nested>', 'eval')
        innermost = outermost = str(id(self))
        for i in range(DEPTH // 10):
            outermost = template.replace(co_consts=((outermost,), 1.5))
        self.check(outermost, innermost)

    def test_compiled_functions(self):
        code = compile('lambda: ' * 80 + '"innermost constant"',
                       '<nested>', 'eval')
        gc.immortalize_heap()
        for i in range(80):
            self.assertImmortal(code, code.co_consts, *code.co_consts)
            [code] = (const for const in code.co_consts
                      if isinstance(const, types.CodeType))
        self.assertImmortal(*code.co_consts)
        self.check_closure()

    def test_generators(self):
        def generator(inner):
            yield inner
        self.check(*self.nested(generator))

    def test_exceptions(self):
        def wrap(obj):
            exc = ValueError(obj)
            exc.__cause__ = obj if isinstance(obj, Exception) else None
            return exc
        self.check(*self.nested(wrap))


@requires_resource('cpu')
@isolated
class LargeHeapTests(Heap):

    def test_million_objects(self):
        heap = records(10 ** 6)
        gc.immortalize_heap()
        walk = self.check_closure()
        self.assertGreater(len(walk), 10 ** 6)
        self.assertImmortal(heap[-1].name)


if __name__ == '__main__':
    unittest.main()
