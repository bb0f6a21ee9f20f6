"""Objects that tell when they are finalized, and whether they found everything whole."""

import textwrap

from child import ChildTestCase

PROBE = """
import json, re, atexit, weakref, threading, time
class Probe:
    def __init__(self, name, *holds): self.name, self.holds = name, holds
    def __del__(self):
        import string, textwrap         # one loaded, one perhaps not yet
        whole = all((json.loads("[1]"), re.compile("x"), sys.path, sys.meta_path, os.getpid(),
                     textwrap.fill("a b"), BOUND == 1, NAMES() == "names"))
        print(self.name, "whole" if whole else "torn")
BOUND = 1
def NAMES(): return "names"
"""


class ExitTestCase(ChildTestCase):
    def ends(self, program, *lines, **keywords):
        return self.check(PROBE + textwrap.dedent(program), *lines, **keywords)
