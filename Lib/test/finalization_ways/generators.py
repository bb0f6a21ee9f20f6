"""Generators and coroutines that wait, and what they hold."""

import contextlib
import types
from test.finalization_ways.probe import Probe, report
from test.finalization_ways.registry import way


@way('generator finally')
def generator_finally():
    def generator():
        try:
            yield
        finally:
            report('p')
    g = generator()
    next(g)


@way('generator local')
def generator_local():
    def generator():
        p = Probe('p')
        yield
    g = generator()
    next(g)


@way('generator argument')
def generator_argument():
    def generator(argument):
        yield
    g = generator(Probe('p'))


@way('generator expression')
def generator_expression():
    g = (item for item in [Probe('p'), 1])
    next(g)


@way('generator in a cycle')
def generator_cycle():
    def generator():
        me = yield
        try:
            yield me
        finally:
            report('p')
    g = generator()
    next(g)
    g.send(g)


@way('generator in a with statement')
def generator_with():
    class Context:
        def __enter__(self):
            pass

        def __exit__(self, *args):
            report('p')

    def generator():
        with Context():
            yield
    g = generator()
    next(g)


@way('generators that delegate', 'inner', 'outer')
def generator_delegates():
    def inner():
        try:
            yield
        finally:
            report('inner')

    def outer():
        try:
            yield from inner()
        finally:
            report('outer')
    g = outer()
    next(g)


@way('generator that waits in except')
def generator_except():
    def generator():
        try:
            raise ValueError(Probe('p'))
        except ValueError:
            yield
    g = generator()
    next(g)


@way('generators that hold each other', 'first', 'second')
def generator_pair():
    def generator(name):
        other = yield
        try:
            yield other
        finally:
            report(name)
    g, h = generator('first'), generator('second')
    next(g), next(h)
    g.send(h), h.send(g)
    del h


@way('context manager never left')
def context_manager():
    @contextlib.contextmanager
    def context():
        try:
            yield
        finally:
            report('p')
    manager = context()
    manager.__enter__()


@way('coroutine finally')
def coroutine_finally():
    @types.coroutine
    def wait():
        yield

    async def coroutine():
        try:
            await wait()
        finally:
            report('p')
    c = coroutine()
    c.send(None)


@way('coroutine local')
def coroutine_local():
    @types.coroutine
    def wait():
        yield

    async def coroutine():
        p = Probe('p')
        await wait()
    c = coroutine()
    c.send(None)


@way('asynchronous generator finally')
def async_generator_finally():
    async def generator():
        try:
            yield
        finally:
            report('p')
    g = generator()
    try:
        g.__anext__().send(None)
    except StopIteration:
        pass


@way('asynchronous generator local')
def async_generator_local():
    async def generator():
        p = Probe('p')
        yield
    g = generator()
    try:
        g.__anext__().send(None)
    except StopIteration:
        pass
