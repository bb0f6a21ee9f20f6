"""Held by modules, classes, functions and objects of the library."""

import builtins
import os
import sys
from test.finalization_ways.probe import Probe
from test.finalization_ways.registry import way


@way('attribute of sys')
def sys_attribute():
    sys.p = Probe('p')


@way('private attribute of sys')
def sys_private():
    sys._p = Probe('p')


@way('attribute of builtins')
def builtins_attribute():
    builtins.p = Probe('p')


@way('builtins._')
def underscore():
    builtins._ = Probe('p')


@way('attribute of sys.stdout')
def stdout_attribute():
    sys.stdout.p = Probe('p')


@way('attribute of sys.__stdin__')
def stdin_attribute():
    sys.__stdin__.p = Probe('p')


@way('attribute of an abstract base class')
def abc_attribute():
    import collections.abc
    collections.abc.Sized.p = Probe('p')


@way('attribute of os._Environ')
def environ_class():
    type(os.environ).p = Probe('p')


@way('attribute of os.environ')
def environ_attribute():
    os.environ.p = Probe('p')


@way('attribute of os')
def os_attribute():
    os.p = Probe('p')


@way('private attribute of os')
def os_private():
    os._p = Probe('p')


@way('attribute of a library function')
def library_function():
    os.path.join.p = Probe('p')


@way('method put into a library class')
def library_method():
    import json
    json.JSONEncoder.default = lambda *args, p=Probe('p'): None


@way('list of a library module')
def library_list():
    os.__all__.append(Probe('p'))


@way('default argument of a library function')
def library_default():
    os.path.join.__kwdefaults__ = {'p': Probe('p')}


@way('attribute of a C module', 'p', 'q')
def c_module():
    import math
    import _thread
    math.p = Probe('p')
    _thread.q = Probe('q')


@way('hidden instance of random')
def random_instance():
    import random
    random._inst.p = Probe('p')


@way('attribute of a C heap type')
def c_heap_type():
    import _random
    _random.Random.p = Probe('p')


@way('hidden instance of json')
def library_subclass():
    import json

    class Decoder(json.JSONDecoder):
        p = Probe('p')
    json._default_decoder = Decoder()
    del Decoder
