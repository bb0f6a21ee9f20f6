"""Files with data in a buffer, held in odd places or used until the end."""

import os
import sys
from test.finalization_ways.probe import DATA, user_module
from test.finalization_ways.registry import file_way


@file_way('held file: attribute of a class')
def class_attribute():
    class C:
        f = open('out.txt', 'w')
    C.f.write(DATA)


@file_way('held file: closure')
def closure():
    def make():
        f = open('out.txt', 'w')
        return lambda: f.write(DATA)
    write = make()
    write()


@file_way('held file: bound method')
def bound_method():
    write = open('out.txt', 'w').write
    write(DATA)


@file_way('held file: default argument')
def default():
    def write(data, f=open('out.txt', 'w')):
        f.write(data)
    write(DATA)


@file_way('held file: generator')
def generator():
    def generator():
        with open('out.txt', 'w') as f:
            yield
            try:
                f.write(DATA[:-1])
                yield
            finally:
                f.write(DATA[-1:])
    g = generator()
    next(g), next(g)


@file_way('held file: user module')
def module():
    user_module('user', 'f = open("out.txt", "w")')
    import user
    user.f.write(DATA)


@file_way('held file: attribute of builtins')
def builtins_attribute():
    import builtins
    builtins.f = open('out.txt', 'w')
    builtins.f.write(DATA)


@file_way('held file: attribute of os')
def os_attribute():
    os.f = open('out.txt', 'w')
    os.f.write(DATA)


@file_way('held file: codec search function')
def codec():
    import codecs
    f = open('out.txt', 'w')
    f.write(DATA)
    codecs.register(lambda name, f=f: None)
    del f


@file_way('held file: thread-local of a daemon thread')
def thread_local():
    import threading

    def run():
        local.f = open('out.txt', 'w')
        local.f.write(DATA)
        started.set()
        threading.Event().wait()
    local, started = threading.local(), threading.Event()
    threading.Thread(target=run, daemon=True).start()
    started.wait()


@file_way('held file: stack of a daemon thread')
def daemon_stack():
    import threading

    def run():
        f = open('out.txt', 'w')
        f.write(DATA)
        started.set()
        threading.Event().wait()
    started = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    started.wait()


@file_way('held file: csv writer')
def csv_writer():
    import csv
    writer = csv.writer(open('out.txt', 'w'), lineterminator='\n')
    for line in DATA.splitlines():
        writer.writerow([line])


@file_way('held file: codecs.open')
def codecs_open():
    import codecs
    f = codecs.open('out.txt', 'w', 'utf-8')
    f.write(DATA)


@file_way('held file: sys.stdout replaced')
def stdout_replaced():
    sys.stdout = open('out.txt', 'w')
    print(DATA, end='')


@file_way('held file: stdout redirected for good')
def stdout_redirected():
    import contextlib
    redirection = contextlib.redirect_stdout(open('out.txt', 'w'))
    redirection.__enter__()
    print(DATA, end='')


@file_way('held file: memory handler')
def memory_handler():
    import logging
    import logging.handlers
    handler = logging.handlers.MemoryHandler(
        1000, target=logging.FileHandler('out.txt'))
    logger = logging.getLogger('named')
    logger.addHandler(handler)
    for line in DATA.splitlines():
        logger.warning(line)


def uses(name):
    """Declare a way with a finalizer that still writes to a file."""
    return file_way(f'used file: {name}', content=DATA + 'the end\n')


@file_way('held file: memory that saves itself')
def memory():
    import io

    class Memory(io.BytesIO):
        def close(self):
            if not self.closed:
                with open('out.txt', 'xb') as f:
                    f.write(self.getvalue())
            super().close()
    text = io.TextIOWrapper(Memory())
    text.write(DATA)
    text.buffer.text = text


@uses('by attribute')
def by_attribute():
    class User:
        def __init__(self):
            self.f = open('out.txt', 'w')
            self.f.write(DATA)

        def __del__(self):
            self.f.write('the end\n')
    user = User()


@uses('by attribute, private name')
def by_attribute_private():
    class User:
        def __del__(self):
            self.f.write('the end\n')
    _f = open('out.txt', 'w')
    _f.write(DATA)
    user = User()
    user.f = _f


@uses('in a cycle')
def in_a_cycle():
    class User:
        def __del__(self):
            self.f.write('the end\n')
    user = User()
    user.f = open('out.txt', 'w')
    user.f.write(DATA)
    user.f.user = user
    done()
    del user


@uses('by name')
def by_name():
    class User:
        def __del__(self):
            f.write('the end\n')
    _user = User()
    f = open('out.txt', 'w')
    f.write(DATA)


@uses('by private name')
def by_private_name():
    class User:
        def __del__(self):
            _f.write('the end\n')
    _f = open('out.txt', 'w')
    _f.write(DATA)
    user = User()


@uses('by name of another module')
def by_other_name():
    user_module('log', 'f = open("out.txt", "w")')
    user_module('newer', '''if True:
        import log
        class User:
            def __del__(self):
                log.f.write('the end\\n')
        ''')
    import log
    import newer
    log.f.write(DATA)
    log._user = newer.User()


@uses('by print')
def by_print():
    class User:
        def __del__(self):
            print('the end')
    sys.stdout = open('out.txt', 'w')
    print(DATA, end='')
    user = User()


@uses('opened at the end')
def opened_at_the_end():
    class User:
        def __del__(self):
            global f
            f = open('out.txt', 'w')
            f.write(DATA)
            f.write('the end\n')
    user = User()


@uses('logging after its shutdown')
def logging_later():
    import logging

    class User:
        def __del__(self):
            logging.warning('the end')
    logging.basicConfig(filename='out.txt', format='%(message)s')
    for line in DATA.splitlines():
        logging.warning(line)
    user = User()
