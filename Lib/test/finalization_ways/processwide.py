"""Held by sys, builtins, the import system and the interpreter itself."""

import builtins
import sys
import threading
from test.finalization_ways.probe import Probe, report
from test.finalization_ways.registry import Way, way

# Hooks of sys that take any callable.
for _name in ('excepthook', 'displayhook', 'breakpointhook',
              'unraisablehook'):
    Way(f'sys.{_name}', f'sys.{_name} = Probe("p").method\n')


@way('sys.last_value')
def last_value():
    def function():
        p = Probe('p')
        raise ValueError
    try:
        function()
    except ValueError as e:
        sys.last_type, sys.last_value = type(e), e
        sys.last_traceback = e.__traceback__


@way('sys.ps1', 'p', 'q')
def prompts():
    sys.ps1, sys.ps2 = Probe('p'), Probe('q')


@way('sys.argv')
def argv():
    sys.argv.append(Probe('p'))


@way('sys.path')
def path():
    class Path(str):
        def __del__(self):
            report('p')
    sys.path.append(Path('path'))


@way('sys.path_hooks')
def path_hooks():
    def hook(path, p=Probe('p')):
        raise ImportError
    sys.path_hooks.append(hook)
    del hook


@way('sys.path_importer_cache')
def importer_cache():
    sys.path_importer_cache['nowhere'] = Probe('p')


@way('sys.meta_path')
def meta_path():
    class Finder:
        p = Probe('p')

        @staticmethod
        def find_spec(name, path, target=None):
            return None
    sys.meta_path.append(Finder())
    del Finder


@way('attribute of a standard finder')
def finder_attribute():
    sys.meta_path[-1].p = Probe('p')


@way('sys._xoptions')
def xoptions():
    sys._xoptions['p'] = Probe('p')


@way('sys.warnoptions')
def warnoptions():
    sys.warnoptions.append(Probe('p'))


@way('standard stream wrapped', 'p')
def stdout_wrapped():
    class Tee:
        p = Probe('p')

        def __getattr__(self, name):
            return getattr(sys.__stdout__, name)
    sys.stdout = Tee()


@way('trace function')
def trace():
    def tracer(*args, p=Probe('p')):
        return None
    sys.settrace(tracer)
    del tracer


@way('profile function')
def profile():
    def profiler(*args, p=Probe('p')):
        return None
    sys.setprofile(profiler)
    del profiler


@way('trace function of threads')
def threading_trace():
    threading.settrace(Probe('p').method)


@way('asynchronous generator hook')
def asyncgen_hook():
    sys.set_asyncgen_hooks(finalizer=Probe('p').method)


@way('audit hook')
def audit():
    sys.addaudithook(lambda *args, p=Probe('p'): None)


@way('signal handler', needs=['posix'])
def signal_handler():
    import signal
    signal.signal(signal.SIGUSR1, Probe('p').method)


@way('fork hooks', 'p', 'q', needs=['posix'])
def fork_hooks():
    import os
    os.register_at_fork(before=Probe('p').method,
                        after_in_child=Probe('q').method)


@way('builtins.__import__')
def import_function():
    original = builtins.__import__

    def function(*args, p=Probe('p'), **kwargs):
        return original(*args, **kwargs)
    builtins.__import__ = function
    del function


@way('builtins.print')
def print_function():
    class Print:
        p = Probe('p')
        original = print

        def __call__(self, *args, **kwargs):
            self.original(*args, **kwargs)
    builtins.print = Print()
    del Print


@way('builtins.__build_class__')
def build_class():
    original = builtins.__build_class__

    def function(*args, p=Probe('p'), **kwargs):
        return original(*args, **kwargs)
    builtins.__build_class__ = function
    del function


@way('context variable set')
def context_variable():
    import contextvars
    contextvars.ContextVar('name').set(Probe('p'))


@way('context run in')
def context_copy():
    import contextvars
    variable = contextvars.ContextVar('name')
    context = contextvars.copy_context()
    context.run(variable.set, Probe('p'))


@way('loader of a module')
def loader():
    import json
    json.__loader__ = Probe('p')


@way('spec of a module')
def spec():
    import json
    json.__spec__.loader_state = Probe('p')


@way('zip importer cache')
def zip_cache():
    import zipimport
    zipimport._zip_directory_cache['nowhere'] = Probe('p')


@way('file of faulthandler')
def faulthandler_file():
    import faulthandler

    class File:
        def fileno(self):
            return 2

        def flush(self):
            pass

        def __del__(self):
            report('p')
    faulthandler.enable(File())


@way('callback of ctypes', needs=['ctypes'])
def ctypes_callback():
    import ctypes

    @ctypes.CFUNCTYPE(None)
    def callback(p=Probe('p')):
        pass


@way('pointer cache of ctypes', needs=['ctypes'])
def ctypes_pointers():
    import ctypes

    class Structure(ctypes.Structure):
        p = Probe('p')
    kept = ctypes.POINTER(Structure)    # since 3.14, no cache has it
    del Structure
