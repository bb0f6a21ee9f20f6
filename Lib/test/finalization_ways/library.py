"""Objects of the library whose end is more than a freed object."""

import os
from test.finalization_ways.probe import DATA, Probe, report
from test.finalization_ways.registry import file_way, way


def zipped(directory):
    """Say what is wrong with a zip file."""
    import zipfile
    try:
        with zipfile.ZipFile(os.path.join(directory, 'out.zip')) as archive:
            found = archive.read('name').decode()
    except (OSError, KeyError, zipfile.BadZipFile) as e:
        return f'out.zip: {e}'
    return None if found == DATA else 'out.zip: other content'


def waved(directory):
    """Say what is wrong with a sound file: its length is written last."""
    import wave
    try:
        with wave.open(os.path.join(directory, 'out.wav')) as sound:
            frames = sound.getnframes()
    except (EOFError, wave.Error) as e:
        return f'out.wav: {type(e).__name__} {e}'
    return None if frames == 100 else f'out.wav: {frames} of 100 frames'


def shelved(directory):
    import dbm.dumb
    with dbm.dumb.open(os.path.join(directory, 'out')) as db:
        return None if db.get(b'key') == b'value' else 'no key'


def nothing_left(directory):
    left = set(os.listdir(directory)) - {'way.py', '__pycache__'}
    return f'left: {sorted(left)}' if left else None


@file_way('library: temporary', needs=['tempfile'])
def temporary():
    import tempfile
    f = tempfile.NamedTemporaryFile('w', dir='.', delete=False)
    f.write(DATA)
    os.rename(f.name, 'out.txt')


@way('library: temporary, deleted', check=nothing_left)
def temporary_deleted():
    import tempfile
    f = tempfile.NamedTemporaryFile('w', dir='.')
    f.write(DATA)
    f.me = f


@way('library: temporary directory', check=nothing_left)
def temporary_directory():
    import tempfile
    directory = tempfile.TemporaryDirectory(dir='.')
    with open(os.path.join(directory.name, 'name'), 'w') as f:
        f.write(DATA)


@way('library: temporary directory in a cycle', check=nothing_left)
def temporary_directory_cycle():
    import tempfile
    directory = tempfile.TemporaryDirectory(dir='.')
    directory.f = open(os.path.join(directory.name, 'name'), 'w')
    directory.f.write(DATA)
    directory.me = directory


@way('library: zip', check=zipped, needs=['zlib'])
def zip_file():
    import zipfile
    archive = zipfile.ZipFile('out.zip', 'w')
    archive.writestr('name', DATA)


@way('library: zip on a file in a cycle', check=zipped)
def zip_cycle():
    import zipfile
    f = open('out.zip', 'wb')
    archive = zipfile.ZipFile(f, 'w')
    archive.writestr('name', DATA)
    f.raw.archive = archive
    done()
    del f, archive


@way('library: sound', check=waved)
def wave_file():
    import wave
    sound = wave.open('out.wav', 'wb')
    sound.setparams((1, 1, 8000, 50, 'NONE', ''))
    sound.writeframesraw(bytes(100))


@way('library: dumb database', check=shelved)
def dumb_database():
    import dbm.dumb
    db = dbm.dumb.open('out')
    db['key'] = 'value'


@file_way('library: pipe to a child', needs=['posix'])
def popen():
    f = os.popen('cat > out.txt', 'w')
    f.write(DATA)


@file_way('library: stdin of a child', needs=['posix'])
def popen_stdin():
    import subprocess
    with open('out.txt', 'wb') as f:
        child = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=f)
    child.stdin.write(DATA.encode())


@file_way('library: socket', needs=['posix', 'socket'])
def socket_file():
    import socket
    import subprocess
    ours, theirs = socket.socketpair()
    with open('out.txt', 'wb') as f:
        child = subprocess.Popen(['cat'], stdin=theirs, stdout=f)
    theirs.close()
    f = ours.makefile('w')
    f.write(DATA)


@way('library: connection', 'p', needs=['sqlite3'])
def sqlite_connection():
    import sqlite3

    class Connection(sqlite3.Connection):
        def __del__(self):
            rows = self.execute('select 42').fetchall()
            report('p', len(rows))
    connection = sqlite3.connect(':memory:', factory=Connection)


@way('library: function of a connection', 'p', 'q', needs=['sqlite3'])
def sqlite_function():
    import sqlite3
    connection = sqlite3.connect(':memory:')
    connection.create_function('f', 1, Probe('p').method)
    connection.set_trace_callback(Probe('q').method)


@way('library: adapter', 'p', 'q', needs=['sqlite3'])
def sqlite_adapter():
    import sqlite3
    sqlite3.register_adapter(type('C', (), {'p': Probe('p')}), print)
    sqlite3.register_converter('name', Probe('q').method)


@way('library: child process left running', needs=['posix'])
def child():
    import subprocess
    import sys

    class Child(subprocess.Popen):
        def __del__(self):
            if self.poll() is None:
                self.terminate()
                self.wait()
            super().__del__()
            report('p')
    process = Child([sys.executable, '-c', 'input()'],
                    stdin=subprocess.PIPE)


@way('library: parser', 'p', 'q', needs=['pyexpat'])
def parser():
    import xml.parsers.expat
    from xml.etree.ElementTree import XMLParser
    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = Probe('p').method
    second = XMLParser(target=Probe('q'))


@way('library: scanner and encoder of json', 'p', 'q')
def json_objects():
    import json
    decoder = json.JSONDecoder(object_hook=Probe('p').method)
    encoder = json.JSONEncoder(default=Probe('q').method)


@way('library: selector', needs=['socket'])
def selector():
    import selectors
    import socket
    selector = selectors.DefaultSelector()
    pair = socket.socketpair()
    selector.register(pair[0], selectors.EVENT_READ, Probe('p'))


@way('library: task never finished', 'p', stderr=['Task was destroyed'])
def task():
    import asyncio

    async def wait():
        p = Probe('p')
        await asyncio.Event().wait()

    async def main():
        task = loop.create_task(wait())
        await asyncio.sleep(0)
        return task
    loop = asyncio.new_event_loop()
    pending = loop.run_until_complete(main())


@way('library: mock', 'p', 'q')
def mock():
    from unittest import mock
    m = mock.Mock(return_value=Probe('p'))
    m(Probe('q'))


@way('library: memory view of a mapping', 'p', needs=['mmap'])
def mapping():
    import mmap

    class Map(mmap.mmap):
        def __del__(self):
            report('p', self[0])
    mapped = Map(-1, 10)
    mapped[0] = 1


@way('library: spooled temporary file')
def spooled():
    import tempfile
    spooled = tempfile.SpooledTemporaryFile(max_size=1)
    spooled.write(DATA.encode())
    spooled.p = Probe('p')
