"""Held by a name: of the script, of its functions, classes and modules."""

import sys
import types
from test.finalization_ways.probe import Probe, done, report, user_module
from test.finalization_ways.registry import way


@way('global')
def global_name():
    p = Probe('p')


@way('global private')
def private():
    _p = Probe('p')


@way('global dunder')
def dunder():
    __p__ = Probe('p')


@way('global __doc__')
def doc():
    __doc__ = Probe('p')


@way('global three names')
def three_names():
    a = _b = __c__ = Probe('p')


@way('global shadows a module')
def shadow():
    abc = Probe('p')


@way('global empty name')
def empty_name():
    globals()[''] = Probe('p')


@way('global key not a string', 'p', 'q')
def no_string():
    globals()[1] = Probe('p')
    globals()[Probe('q')] = 2


@way('global without collector header', 'bare')
def bare():
    class Small:
        __slots__ = ()

        def __del__(self):
            report('bare')
    small = Small()


@way('annotation')
def annotation():
    name: Probe('p') = 1
    sys.modules['__main__'].__annotations__     # evaluated now, since 3.14


@way('set at exit')
def at_exit():
    import atexit

    @atexit.register
    def late():
        global p
        p = Probe('p')


@way('local of the function that exits', anytime=True)
def exits():
    def function():
        p = Probe('p')
        sys.exit(0)
    done()
    function()


@way('local of the function that fails', status=1,
     stderr=['RuntimeError: expected'])
def fails():
    def function():
        p = Probe('p')
        raise RuntimeError('expected')
    done()
    function()


@way('attribute of a class')
def class_attribute():
    class C:
        p = Probe('p')


@way('attribute of a class, itself')
def own_class():
    Probe.instance = Probe('p')


@way('attribute of an instance')
def instance_attribute():
    holder = types.SimpleNamespace()

    class C:
        pass
    c = C()
    c.p = Probe('p')


@way('slot')
def slot():
    class C:
        __slots__ = 'p'
    c = C()
    c.p = Probe('p')


@way('attribute of a metaclass')
def metaclass_attribute():
    class Meta(type):
        p = Probe('p')

    class C(metaclass=Meta):
        pass


@way('local class')
def local_class():
    def make():
        p = Probe('p')

        class Local:
            def method(self):
                return p, __class__
        return Local
    instance = make()()


@way('dict of exec')
def exec_dict():
    namespace = {'Probe': Probe}
    exec('p = Probe("p"); _q = lambda: p', namespace)


@way('user module', 'p', 'q', 'r')
def module():
    user_module('user', '''if True:
        from __main__ import Probe, done
        p = Probe('p')
        _q = Probe('q')

        class C:
            r = Probe('r')
        ''')


@way('user modules that import each other', 'p', 'q')
def modules():
    user_module('second', 'first = None')
    user_module('first', '''if True:
        import second
        from __main__ import Probe, done
        p = Probe('p', second=second)
        ''')
    import first
    import second
    second.first = first
    second.q = Probe('q', first=first)


@way('user module called like a standard one')
def standard_name():
    user_module('wave', 'from __main__ import Probe; p = Probe("p")')


@way('user module deleted from sys.modules')
def deleted_module():
    user_module('user', '''if True:
        from __main__ import Probe, done
        p = Probe('p')
        def function():
            return p
        ''')
    from user import function
    del sys.modules['user']


@way('user module replaced in sys.modules', 'p', 'q')
def replaced_module():
    user_module('user', '''if True:
        import sys
        from __main__ import Probe, done
        p = Probe('p')
        sys.modules[__name__] = Probe('q', old=sys.modules[__name__])
        ''')


@way('user module that failed to import')
def failed_module():
    try:
        user_module('user', '''if True:
            from __main__ import Probe, done
            p = Probe('p')
            import __main__
            __main__.kept = lambda: p
            raise ImportError('expected')
            ''')
    except ImportError:
        pass


@way('module nobody imported')
def module_object():
    module = types.ModuleType('module')
    module.p = Probe('p')


@way('dict of a dead module')
def dict_of_module():
    module = types.ModuleType('module')
    module.p = Probe('p')
    namespace = vars(module)
    del module


@way('module put into sys.modules')
def module_in_sys_modules():
    sys.modules['by hand'] = types.ModuleType('by hand')
    sys.modules['by hand'].p = Probe('p')


@way('in sys.modules')
def in_sys_modules():
    sys.modules['no module'] = Probe('p')


@way('__main__ deleted from sys.modules')
def no_main():
    p = Probe('p')
    del sys.modules['__main__']


@way('__main__ replaced in sys.modules', 'p', 'q')
def other_main():
    p = Probe('p')
    sys.modules['__main__'] = types.ModuleType('__main__')
    sys.modules['__main__'].q = Probe('q')


@way('sys.modules replaced', 'p', 'q')
def other_modules():
    class Modules(dict):
        p = Probe('p')
    sys.modules = Modules(sys.modules)
    sys.modules['added'] = types.ModuleType('added')
    sys.modules['added'].q = Probe('q')


@way('global of a deleted name')
def deleted_then_held():
    import functools
    p = Probe('p')
    held = functools.partial(print, p)
    del p
