"""Held by functions, frames and exceptions."""

import contextlib
import functools
import sys
from test.finalization_ways.probe import Probe, done, report
from test.finalization_ways.registry import way


@way('closure')
def closure():
    def make():
        p = Probe('p')
        return lambda: p
    function = make()


@way('default argument')
def default():
    def function(argument=Probe('p')):
        pass


@way('keyword-only default')
def keyword_default():
    def function(*, argument=Probe('p')):
        pass


@way('function attribute')
def function_attribute():
    def function():
        pass
    function.p = Probe('p')


@way('function annotation')
def function_annotation():
    def function(argument: Probe('p')):
        pass
    function.__annotations__    # evaluated when it is asked for, since 3.14


@way('recursive closure')
def recursive():
    def make():
        p = Probe('p')

        def function():
            return p, function
        return function
    function = make()


@way('decorated')
def decorated():
    def decorate(function):
        p = Probe('p')

        @functools.wraps(function)
        def wrapper():
            return p
        return wrapper

    @decorate
    def function():
        pass


@way('bound method')
def bound_method():
    method = Probe('p').method


@way('method descriptor of a class', 'p', 'q')
def descriptors():
    class C:
        @staticmethod
        def static(argument=Probe('p')):
            pass

        @property
        def value(self, argument=Probe('q')):
            pass


@way('exit stack')
def exit_stack():
    stack = contextlib.ExitStack()
    stack.callback(print, Probe('p'))


@way('frame')
def frame():
    def function():
        p = Probe('p')
        return sys._getframe()
    f = function()


@way('traceback')
def traceback():
    def function():
        p = Probe('p')
        raise ValueError
    try:
        function()
    except ValueError as e:
        exception = e


@way('exception context')
def exception_context():
    try:
        try:
            raise ValueError(Probe('p'))
        except ValueError:
            raise KeyError
    except KeyError as e:
        exception = e


@way('exit in a loop over a generator', 'p', 'q', anytime=True)
def exit_in_loop():
    def generator():
        try:
            yield Probe('p')
        finally:
            report('q')
    done()
    for item in generator():
        sys.exit(0)
