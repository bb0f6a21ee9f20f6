"""Ways to hold an object until exit.

In the code OBJ is replaced by an expression that makes an object, each time another one; CALL by
a bound method of one; NAME by a global's name, NUM by a number of its own.
"""

from __future__ import annotations

#: Expressions; a name with a dot is imported first.
EXPRESSIONS = {
    "list": "[OBJ]",
    "tuple": "(OBJ, (OBJ,))",
    "dict value": "{'key': OBJ}",
    "dict key": "{OBJ: 'value'}",
    "set": "{OBJ, OBJ}",
    "frozenset": "frozenset([OBJ])",
    "list iterator": "iter([OBJ, 1])",
    "dict view": "{1: OBJ}.values()",
    "callable iterator": "iter(int, OBJ)",
    "reversed": "reversed([1, OBJ])",
    "enumerate": "enumerate([OBJ])",
    "zip": "zip([1], [OBJ])",
    "map": "map(CALL, [OBJ])",
    "filter": "filter(None, [OBJ])",
    "slice": "slice(OBJ)",
    "generic alias": "list[OBJ]",
    "exception": "ValueError(OBJ)",
    "exception group": "ExceptionGroup('group', [ValueError(OBJ)])",
    "property": "property(CALL)",
    "staticmethod": "staticmethod(CALL)",
    "super": "super(object, OBJ)",
    "builtin method": "[OBJ].append",
    "bound method": "CALL",
    "code constant": "(lambda: 0).__code__.replace(co_consts=(OBJ,))",
    "mapping proxy": "types.MappingProxyType({1: OBJ})",
    "namespace": "types.SimpleNamespace(attribute=OBJ)",
    "cell": "types.CellType(OBJ)",
    "deque": "collections.deque([OBJ])",
    "ordered dict": "collections.OrderedDict(key=OBJ)",
    "defaultdict": "collections.defaultdict(int, key=OBJ)",
    "counter": "collections.Counter([OBJ])",
    "chain map": "collections.ChainMap({'key': OBJ})",
    "named tuple": "collections.namedtuple('N', 'x')(OBJ)",
    "partial": "functools.partial(CALL, OBJ)",
    "item getter": "operator.itemgetter(OBJ)",
    "chain": "itertools.chain([1], [OBJ])",
    "cycle": "itertools.cycle([OBJ])",
    "tee": "itertools.tee(iter([OBJ]))",
    "product": "itertools.product([OBJ])",
    "groupby": "itertools.groupby([OBJ])",
    "context variable": "contextvars.ContextVar('name', default=OBJ)",
    "annotated": "typing.Annotated[int, OBJ]",
    "dataclass": "dataclasses.make_dataclass('D', ['x'])(OBJ)",
    "enum": "enum.Enum('E', {'member': CALL.__self__})",
    "ctypes object": "ctypes.py_object(OBJ)",
    "struct": "(OBJ, struct.Struct('3i'), array.array('d', [1]))",
    "element": "xml.etree.ElementTree.Element('tag', key=OBJ)",
    "simple queue": "queue.SimpleQueue()",
    "future": "concurrent.futures.Future()",
    "csv writer": "csv.writer(types.SimpleNamespace(write=CALL))",
    "json": "json.JSONDecoder(object_hook=CALL)",
    "regular expression": "(re.compile('a(b)').match('ab'), OBJ)",
    "memory view": "memoryview(sub(bytearray, IDENT, None, b'abc'))",
    "int": "sub(int, IDENT, None, 3)",
    "str": "sub(str, IDENT, None, 'text')",
    "list subclass": "sub(list, IDENT, None)",
    "dict subclass": "sub(dict, IDENT, None)",
    "exception subclass": "sub(Exception, IDENT, None)",
    "thread never started": "threading.Thread(target=CALL)",
    "weak set and its member": "(weakref.WeakSet(), OBJ)",
}

#: Statements.
STATEMENTS = {
    "global": "NAME = OBJ",
    "two globals": "NAME = NAME_b = OBJ",
    "private global": "_NAME = OBJ",
    "cycle": "NAME = loop(IDENT)",
    "garbage cycle": "loop(IDENT)",
    "list cycle": "NAME = [OBJ]\nNAME.append(NAME)",
    "pair": "NAME = F(IDENT)\nNAME.other = F(IDENT)\nNAME.other.other = NAME",
    "class attribute": "class NAME:\n    attribute = OBJ",
    "class cycle": "class NAME:\n    pass\nNAME.one = NAME()\nNAME.one.held = OBJ",
    "metaclass": "class MNUM(type):\n    held = OBJ\nclass NAME(metaclass=MNUM):\n    pass",
    "closure": "def makeNUM():\n    held = OBJ\n    return lambda: held\nNAME = makeNUM()",
    "default": "def NAME(argument=OBJ):\n    pass",
    "keyword default": "def NAME(*, argument=OBJ):\n    pass",
    "annotation": "def NAME(argument: OBJ):\n    pass",
    "function attribute": "def NAME():\n    pass\nNAME.held = OBJ",
    "generator local": "def genNUM():\n    held = OBJ\n    yield\nNAME = genNUM()\nnext(NAME)",
    "generator argument": "def genNUM(argument):\n    yield\nNAME = genNUM(OBJ)",
    "generator cycle": "def genNUM():\n    me = yield\n    held = OBJ\n    yield me\n"
    "NAME = genNUM()\nnext(NAME)\nNAME.send(NAME)",
    "coroutine local": "async def coroNUM():\n    held = OBJ\n    await fz.Pause()\n"
    "NAME = coroNUM()\nNAME.send(None)",
    "async generator": "async def agenNUM():\n    held = OBJ\n    yield\nNAME = agenNUM()\n"
    "try:\n    NAME.__anext__().send(None)\nexcept StopIteration:\n    pass",
    "frame": "def frameNUM():\n    held = OBJ\n    return sys._getframe()\nNAME = frameNUM()",
    "traceback": "def raiseNUM():\n    held = OBJ\n    raise ValueError\n"
    "try:\n    raiseNUM()\nexcept ValueError as exc:\n    NAME = exc",
    "context": "try:\n    try:\n        raise ValueError(OBJ)\n    except ValueError:\n"
    "        raise KeyError\nexcept KeyError as exc:\n    NAME = exc",
    "context manager": "import contextlib\n@contextlib.contextmanager\ndef contextNUM():\n"
    "    held = OBJ\n    yield\nNAME = contextNUM()\nNAME.__enter__()",
    "exit stack": "import contextlib\nNAME = contextlib.ExitStack()\nNAME.callback(CALL)",
    "cached property": "class KNUM:\n    @functools.cached_property\n    def value(self):\n"
    "        return OBJ\nNAME = KNUM()\nNAME.value",
    "lru_cache": "@functools.lru_cache\ndef NAME():\n    return OBJ\nNAME()",
    "context variable set": "import contextvars\ncontextvars.ContextVar('name').set(OBJ)",
    "thread local": "NAME = threading.local()\nNAME.held = OBJ",
    "atexit argument": "atexit.register(id, OBJ)",
    "atexit method": "atexit.register(CALL)",
    "weak value": "NAME = OBJ\nif type(NAME) not in (type(0),):\n    NAME_d = weakref."
    "WeakValueDictionary()\n    try:\n        NAME_d['key'] = NAME\n    except TypeError:\n"
    "        pass",
    "weak proxy": "NAME = F(IDENT)\nNAME_p = weakref.proxy(NAME)",
    "finalizer's argument": "NAME = P()\nweakref.finalize(NAME, id, OBJ)",
    "sys attribute": "sys.heldNUM = OBJ",
    "sys.last_value": "sys.last_value = ValueError(OBJ)",
    "sys.argv": "sys.argv.append(OBJ)",
    "sys.path": "sys.path.append(sub(str, IDENT, None, 'nowhere'))",
    "sys.meta_path": "class FinderNUM:\n    held = OBJ\n    def find_spec(self, *args):\n"
    "        return None\nsys.meta_path.append(FinderNUM())",
    "path hook": "def hookNUM(path, held=OBJ):\n    raise ImportError\n"
    "sys.path_hooks.append(hookNUM)",
    "importer cache": "sys.path_importer_cache['nowhereNUM'] = OBJ",
    "xoptions": "sys._xoptions['xNUM'] = OBJ",
    "builtins attribute": "import builtins\nbuiltins.heldNUM = OBJ",
    "builtins function": "import builtins\ndef classNUM(*args, old=builtins.__build_class__, "
    "held=OBJ, **kwargs):\n    return old(*args, **kwargs)\nbuiltins.__build_class__ = classNUM",
    "excepthook": "sys.unraisablehook, NAME = sys.unraisablehook, OBJ\n"
    "sys.displayhook = CALL",
    "stdout attribute": "sys.stdout.heldNUM = OBJ",
    "stderr attribute": "sys.__stderr__.heldNUM = OBJ",
    "stdout wrapped": "class TeeNUM:\n    held = OBJ\n    def __init__(self, out):\n"
    "        self.out = out\n    def __getattr__(self, name):\n"
    "        return getattr(self.out, name)\nsys.stdout = TeeNUM(sys.stdout)",
    "environ": "os.environ.heldNUM = OBJ",
    "library function": "os.path.join.heldNUM = OBJ",
    "library class": "import collections.abc\ncollections.abc.Sized.heldNUM = OBJ",
    "library list": "os.__all__.append(OBJ)",
    "C module": "import math\nmath.heldNUM = OBJ",
    "C type": "import _random\n_random.Random.heldNUM = OBJ",
    "subclass registered": "import collections.abc\n@collections.abc.Sized.register\n"
    "class NAME:\n    held = OBJ",
    "module object": "NAME = types.ModuleType('made')\nNAME.held = OBJ",
    "in sys.modules": "sys.modules['madeNUM'] = types.ModuleType('madeNUM')\n"
    "sys.modules['madeNUM'].held = OBJ",
    "object in sys.modules": "sys.modules['oddNUM'] = OBJ",
    "loader": "import json\njson.__spec__.loader_state = OBJ",
    "codec search": "import codecs\ncodecs.register(lambda name, held=OBJ: None)",
    "codec error": "import codecs\ncodecs.register_error('errorNUM', CALL)",
    "copyreg": "import copyreg\ncopyreg.pickle(type('C', (), {}), CALL)",
    "logging handler": "import logging\nNAME = logging.NullHandler()\nNAME.held = OBJ\n"
    "logging.getLogger().addHandler(NAME)",
    "logging filter": "import logging\nlogging.getLogger('nNUM').addFilter(CALL)",
    "warnings filter": "import warnings\nwarnings.simplefilter('ignore', "
    "type('W', (Warning,), {'held': OBJ}))",
    "linecache": "import linecache\nlinecache.cache['fNUM'] = (1, None, [OBJ], 'fNUM')",
    "re cache": "import re\nre.compile(sub(str, IDENT, None, 'patternNUM'))",
    "singledispatch": "NAME = functools.singledispatch(print)\nNAME.register(P, CALL)",
    "ctypes callback": "import ctypes\n@ctypes.CFUNCTYPE(None)\ndef NAME(held=OBJ):\n    pass",
    "signal handler": "import signal\nsignal.signal(signal.SIGUSR1, CALL)",
    "fork hook": "os.register_at_fork(before=CALL)",
    "asyncgen hook": "sys.set_asyncgen_hooks(finalizer=CALL)",
    "audit hook": "sys.addaudithook(lambda *args, held=OBJ: None)",
    "decimal context": "import decimal\nNAME = decimal.Context()\n"
    "NAME_b = {NAME.prec: OBJ}\ndecimal.setcontext(NAME)",
    "event loop": "import asyncio\nNAME = asyncio.new_event_loop()\nNAME.call_later(60, CALL)",
    "queue": "import queue\nNAME = queue.Queue()\nNAME.put(OBJ)\nNAME_s = queue.SimpleQueue()\n"
    "NAME_s.put(OBJ)",
    "executor": "from concurrent.futures import ThreadPoolExecutor\n"
    "NAME = ThreadPoolExecutor(1)\nNAME.held = OBJ\nNAME.submit(id, OBJ).result()",
    "sqlite function": "import sqlite3\nNAME = sqlite3.connect(':memory:')\n"
    "NAME.create_function('f', 1, CALL)",
    "parser": "import xml.parsers.expat\nNAME = xml.parsers.expat.ParserCreate()\n"
    "NAME.StartElementHandler = CALL",
    "pickler": "import io, pickle\nNAME = pickle.Pickler(io.BytesIO())\nNAME.persistent_id = CALL",
    "selector": "import selectors, socket\nNAME = selectors.DefaultSelector()\n"
    "NAME_p = socket.socketpair()\nNAME.register(NAME_p[0], 1, OBJ)",
    "mmap": "import mmap\nNAME = sub(mmap.mmap, IDENT, None, -1, 10)",
    "socket": "import socket\nNAME = sub(socket.socket, IDENT, None)",
    "bytes buffer": "import io\nNAME = sub(io.BytesIO, IDENT, None)",
    "child process": "import subprocess\nNAME = subprocess.Popen(['true'])\nNAME.held = OBJ\n"
    "NAME.wait()",
    "long chain": "NAME = OBJ\nfor stepNUM in range(20_000):\n    NAME = [NAME]",
    "stack of an ended thread": "def runNUM(ready):\n    NAME_l.held = OBJ\n    ready.set()\n"
    "NAME_l = P()\nfz.started(runNUM, daemon=False).join()",
    "daemon's stack": "def runNUM(ready):\n    held = OBJ\n    ready.set()\n    time.sleep(1000)\n"
    "fz.started(runNUM)",
    "daemon's generator": "def genNUM():\n    held = OBJ\n    yield\ndef runNUM(ready):\n"
    "    for item in genNUM():\n        ready.set()\n        time.sleep(1000)\nfz.started(runNUM)",
    "daemon's thread local": "def runNUM(ready):\n    NAME.held = OBJ\n    ready.set()\n"
    "    time.sleep(1000)\nNAME = threading.local()\nfz.started(runNUM)",
    "daemon's exception": "def runNUM(ready):\n    try:\n        raise ValueError(OBJ)\n"
    "    except ValueError:\n        ready.set()\n        time.sleep(1000)\nfz.started(runNUM)",
    "daemon's context": "import contextvars\ndef runNUM(ready):\n    NAME.set(OBJ)\n"
    "    ready.set()\n    time.sleep(1000)\nNAME = contextvars.ContextVar('name')\n"
    "fz.started(runNUM)",
    "spinning daemon": "def runNUM(ready):\n    held = OBJ\n    ready.set()\n"
    "    while True:\n        time.sleep(0)\nfz.started(runNUM)",
    "timer": "NAME = threading.Timer(3600, CALL, [OBJ])\nNAME.daemon = True\nNAME.start()",
    "thread that ends at exit": "def runNUM(ready):\n    held = OBJ\n    ready.set()\n"
    "    threading.main_thread().join()\nfz.started(runNUM, daemon=False)",
}


def modules_of(expression: str) -> list[str]:
    """Name the modules of the library that an expression uses: those before a dot."""
    known = (
        "operator itertools contextvars typing dataclasses enum ctypes struct array "
        "xml.etree.ElementTree queue concurrent.futures csv json re"
    ).split()
    return [name for name in known if f"{name}." in expression]


#: All of them as statements.
HOLDERS = dict(STATEMENTS) | {
    f"in {name}": "".join(f"import {module}\n" for module in modules_of(expression))
    + f"NAME = {expression}"
    for name, expression in EXPRESSIONS.items()
}

#: Where the program's own finalizers are seldom run by stock while a daemon thread has the module.
PLAIN = ("global", "private global", "pair", "in list", "class attribute", "closure")
