"""What is lost when it is not released, flushed or called back: files, databases, weak references.

FILE is replaced by a name of its own. ``fz.log("dealloc", ...)`` and ``fz.log("file", ...)`` tell
the oracle what to look for: a file that a deallocator writes or removes, and lines written.
"""

from __future__ import annotations

_WROTE = "fz.log('file', 'FILE', '20')\n"

#: {target}.write(...) is text of 20 lines.
FILES = {
    "text": "{target} = open('FILE', 'w')\n{target}.write('data NUM\\n' * 20)\n" + _WROTE,
    "binary": "{target} = open('FILE', 'wb')\n{target}.write(b'data NUM\\n' * 20)\n" + _WROTE,
    "in a cycle": "{target} = open('FILE', 'w')\n{target}.me = {target}\n"
    "{target}.write('data NUM\\n' * 20)\n" + _WROTE,
    "wrapper": "import io\n{target} = io.TextIOWrapper(io.BufferedWriter(io.FileIO('FILE', 'w')))\n"
    "{target}.write('data NUM\\n' * 20)\n" + _WROTE,
    "gzip": "import gzip\n{target} = gzip.open('FILE.gz', 'wt')\n"
    "{target}.write('data NUM\\n' * 20)\nfz.log('file', 'FILE.gz', '20')\n",
    "csv": "import csv\n{target}_f = open('FILE', 'w')\n{target} = csv.writer({target}_f)\n"
    "for row in range(20):\n    {target}.writerow(['data', NUM])\n" + _WROTE,
    "zip": "import zipfile\n{target} = zipfile.ZipFile('FILE.zip', 'w')\n"
    "{target}.writestr('name', 'data')\n",
    "temporary": "import tempfile\n{target} = tempfile.NamedTemporaryFile('w', dir='.')\n"
    "{target}.write('data')\n",
    "temporary directory": "import tempfile\n{target} = tempfile.TemporaryDirectory(dir='.')\n",
    "logged": "import logging\n{target} = logging.FileHandler('FILE')\n"
    "logging.getLogger('fNUM').addHandler({target})\n"
    "for row in range(20):\n    logging.getLogger('fNUM').error('data NUM')\n" + _WROTE,
    "written by a finalizer": "{target} = open('FILE', 'w')\n{target}.write('data NUM\\n' * 20)\n"
    + _WROTE
    + "def actNUM(self, f={target}):\n    f.write('late IDENT_STEM\\n')\n{target}_o = F(IDENT, actNUM)\n",
    "pipe to a child": "{target} = os.popen('cat > FILE', 'w')\n"
    "{target}.write('data NUM\\n' * 20)\n" + _WROTE,
}

#: Makers of objects that work in their deallocator only.
RELEASED = {
    "sqlite": "sqlite3.connect('FILE.db')",
    "plain": "fzext.Plain('FILE.count').write(b'12345')",
    "tracked": "fzext.Tracked('FILE.count', OBJ).write(b'12345')",
    "static": "fzext.Static('FILE.count').write(b'12345')",
    "subclass": "type('W', (fzext.Plain,), {})('FILE.count').write(b'12345')",
    "subclass with a finalizer": "type('W', (fzext.Tracked,), {'ident': IDENT, 'act': None, "
    "'__del__': F.__del__})('FILE.count', P()).write(b'12345')",
}

#: Where they are hung. {made} is the expression.
HANGERS = {
    "global": "NAME = {made}",
    "list": "NAME = [{made}]",
    "attribute": "NAME = P()\nNAME.held = {made}",
    "cycle": "NAME = P()\nNAME.held = {made}\nNAME.me = NAME",
    "garbage": "NAME = P()\nNAME.held = {made}\nNAME.me = NAME\ndel NAME",
    "class": "class NAME:\n    held = {made}",
    "closure": "def makeNUM():\n    held = {made}\n    return lambda: held\nNAME = makeNUM()",
    "finalizable": "NAME = F(IDENT)\nNAME.held = {made}",
    "generator": "def genNUM():\n    held = {made}\n    yield\nNAME = genNUM()\nnext(NAME)",
    "sys.meta_path": "class FinderNUM:\n    def __init__(self):\n        self.held = {made}\n"
    "    def find_spec(self, *args):\n        return None\nsys.meta_path.append(FinderNUM())",
    "path hook": "def hookNUM(path, held={made}):\n    raise ImportError\n"
    "sys.path_hooks.append(hookNUM)",
    "sys attribute": "sys.heldNUM = {made}",
    "builtins": "import builtins\nbuiltins.heldNUM = {made}",
    "stdout": "sys.stdout.heldNUM = {made}",
    "environ": "os.environ.heldNUM = {made}",
    "codec": "import codecs\ncodecs.register(lambda name, held={made}: None)",
    "library class": "import collections.abc\ncollections.abc.Sized.heldNUM = {made}",
    "library list": "os.__all__.append({made})",
    "library function": "os.path.join.heldNUM = {made}",
    "atexit": "atexit.register(id, {made})",
    "thread local": "NAME = threading.local()\nNAME.held = {made}",
    "lru_cache": "@functools.lru_cache\ndef NAME():\n    return {made}\nNAME()",
    "exception": "try:\n    raise ValueError({made})\nexcept ValueError as exc:\n    NAME = exc",
    "context variable": "import contextvars\ncontextvars.ContextVar('n').set({made})",
    "logger": "import logging\nlogging.getLogger('nNUM').held = {made}",
}

#: CB is replaced by the id of a callback that stock may or may not run.
WEAK = {
    "of garbage": "def cbNUM(ref, log=fz.log):\n    log('called', 'CB')\nNAME_o = loop(IDENT)\n"
    "NAME = weakref.ref(NAME_o, cbNUM)\ndel NAME_o",
    "of garbage without a finalizer": "def cbNUM(ref, log=fz.log):\n    log('called', 'CB')\n"
    "NAME_o = P()\nNAME_o.me = NAME_o\nNAME = weakref.ref(NAME_o, cbNUM)\ndel NAME_o",
    "of a global": "def cbNUM(ref, log=fz.log):\n    log('called', 'CB')\nNAME_o = P()\n"
    "NAME = weakref.ref(NAME_o, cbNUM)",
    "held elsewhere": "def cbNUM(ref, log=fz.log):\n    log('called', 'CB')\nNAME_o = OBJ\n"
    "try:\n    fz.KEEP.append(weakref.ref(NAME_o, cbNUM))\nexcept TypeError:\n    pass",
    "dictionary of garbage": "NAME = weakref.WeakValueDictionary()\nNAME_o = loop(IDENT)\n"
    "NAME['key'] = NAME_o\ndel NAME_o\ndef actNUM(self, d=NAME, log=fz.log):\n"
    "    log('entries', 'CB', str(len(d)))\nNAME_f = F(IDENT, actNUM)",
    "weak key": "NAME = weakref.WeakKeyDictionary()\nNAME[loop(IDENT)] = OBJ",
    "finalize with atexit": "NAME = P()\nNAME_f = weakref.finalize(NAME, fz.log, 'called', 'CB')",
    "finalize of garbage": "NAME = P()\nNAME.me = NAME\n"
    "NAME_f = weakref.finalize(NAME, fz.log, 'called', 'CB')\ndel NAME",
    "finalize without atexit": "NAME = P()\nNAME.me = NAME\n"
    "NAME_f = weakref.finalize(NAME, fz.log, 'called', 'CB')\nNAME_f.atexit = False\ndel NAME",
    "method": "NAME_o = F(IDENT)\nNAME = weakref.WeakMethod(NAME_o.method)",
}
