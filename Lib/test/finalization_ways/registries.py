"""Held by registries, caches and hooks of the standard library."""

from test.finalization_ways.probe import Probe, report
from test.finalization_ways.registry import way


@way('codec search function')
def codec_search():
    import codecs
    codecs.register(lambda name, p=Probe('p'): None)


@way('codec found by a search function')
def codec_found():
    import codecs

    def search(name):
        if name == 'probed':
            info = codecs.CodecInfo(*codecs.lookup('ascii')[:4], name=name)
            info.p = Probe('p')
            return info
    codecs.register(search)
    codecs.lookup('probed')


@way('codec error handler')
def codec_errors():
    import codecs
    codecs.register_error('probed', Probe('p').method)


@way('atexit arguments')
def atexit_arguments():
    import atexit
    atexit.register(id, Probe('p'))


@way('atexit method')
def atexit_method():
    import atexit
    atexit.register(Probe('p').method)


@way('atexit function unregistered', anytime=True)
def atexit_unregistered():
    import atexit
    method = Probe('p').method
    atexit.register(method)
    atexit.unregister(method)
    del method


@way('logging handler', 'p', 'q')
def logging_handler():
    import logging
    handler = logging.NullHandler()
    handler.p = Probe('p')
    logging.getLogger().addHandler(handler)
    logging.getLogger('named').addHandler(logging.NullHandler())
    logging.getLogger('named').handlers[0].q = Probe('q')
    del handler


@way('logging filter')
def logging_filter():
    import logging
    logging.getLogger('named').addFilter(Probe('p').method)


@way('logger class')
def logger_class():
    import logging

    class Logger(logging.Logger):
        p = Probe('p')
    logging.setLoggerClass(Logger)
    logging.getLogger('made')
    del Logger


@way('log record factory')
def log_record_factory():
    import logging
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(
        lambda *args, p=Probe('p'): factory(*args))


@way('copyreg')
def copyreg_pickle():
    import copyreg
    copyreg.pickle(type('C', (), {}), Probe('p').method)


@way('pickle extension cache')
def copyreg_extension():
    import copyreg

    class C:
        p = Probe('p')
    copyreg.add_extension('__main__', 'C', 77)
    copyreg._extension_cache[77] = C
    del C


@way('warnings.showwarning')
def showwarning():
    import warnings
    warnings.showwarning = Probe('p').method


@way('warnings filter')
def warnings_filter():
    import warnings
    warnings.simplefilter('error', type('W', (Warning,), {'p': Probe('p')}))


@way('once registry of warnings')
def onceregistry():
    import warnings
    warnings.onceregistry[Probe('p')] = True


@way('class registered with an abstract base class')
def abc_registry():
    import collections.abc

    @collections.abc.Sized.register
    class C:
        p = Probe('p')


@way('lru_cache value')
def lru_value():
    import functools

    @functools.lru_cache
    def function():
        return Probe('p')
    function()


@way('lru_cache of the library')
def lru_library():
    import fnmatch

    class Pattern(str):
        def __del__(self):
            report('p')
    fnmatch.fnmatchcase('name', Pattern('pattern'))


@way('single dispatch of the library')
def singledispatch():
    import pkgutil

    class Importer:
        p = Probe('p')
    pkgutil.iter_importer_modules.register(Importer, print)
    del Importer


@way('cache of re')
def re_cache():
    import re

    class Pattern(str):
        def __del__(self):
            report('p')
    re.compile(Pattern('pattern'))


@way('linecache')
def linecache_entry():
    import linecache
    linecache.cache['file'] = (1, None, [Probe('p')], 'file')


@way('default event loop')
def event_loop():
    import asyncio
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.call_later(60, Probe('p').method)
    del loop


@way('event loop policy')
def loop_policy():
    import asyncio
    policy = asyncio.DefaultEventLoopPolicy()
    policy.p = Probe('p')
    asyncio.set_event_loop_policy(policy)
    del policy


@way('multiprocessing finalizer', anytime=True)
def multiprocessing_finalizer():
    import multiprocessing.util
    multiprocessing.util.Finalize(None, id, args=[Probe('p')],
                                  exitpriority=1)


@way('email charset registry')
def email_charset():
    import email.charset
    email.charset.add_codec('probed', Probe('p'))


@way('urllib opener')
def urllib_opener():
    import urllib.request
    opener = urllib.request.build_opener()
    opener.p = Probe('p')
    urllib.request.install_opener(opener)
    del opener


@way('decimal context')
def decimal_context():
    import decimal

    class Context(decimal.Context):
        def __del__(self):
            report('p')
    decimal.setcontext(Context())


@way('readline completer', needs=['readline'])
def readline_completer():
    import readline
    readline.set_completer(Probe('p').method)
