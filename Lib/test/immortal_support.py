"""Shared by the tests of immortal objects."""

import functools
import os

from test.support.script_helper import assert_python_ok

CHILD = 'TEST_IMMORTAL_CHILD'


def isolated(test):
    """Decorate a test method, or all of a class, to run in a child process.

    For what cannot be undone: an object made immortal stays so, and a count
    that was tampered with no longer adds up in the debug build's total.
    """
    if isinstance(test, type):
        for name, method in list(vars(test).items()):
            if name.startswith('test'):
                setattr(test, name, isolated(method))
        return test

    @functools.wraps(test)
    def wrapper(self):
        if os.environ.get(CHILD):
            return test(self)
        name = f'{test.__module__}.{type(self).__qualname__}.{test.__name__}'
        rc, out, err = assert_python_ok('-m', 'unittest', '-v', name,
                                        **{CHILD: '1'})
        self.assertIn(b'Ran 1 test', err)
        # For any other reason it must not be skipped.
        if b'skipped "No module named' in err:
            self.skipTest('a module is missing')
        self.assertNotIn(b'skipped', err)
    return wrapper
