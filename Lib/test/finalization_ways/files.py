"""Files with data in a buffer: all must be in the file at the end."""

import io
from test.finalization_ways.probe import DATA, done, report
from test.finalization_ways.registry import file_way, way

BIG = DATA * 1000


@file_way('file: text')
def text():
    f = open('out.txt', 'w')
    f.write(DATA)


@file_way('file: more than the buffer', content=BIG)
def big():
    f = open('out.txt', 'w')
    for i in range(1000):
        f.write(DATA)


@file_way('file: buffered')
def buffered():
    f = open('out.txt', 'wb')
    f.write(DATA.encode())


@file_way('file: utf-16', content=DATA.encode('utf-16'))
def utf16():
    f = open('out.txt', 'w', encoding='utf-16')
    f.write(DATA)


@file_way('file: random access', content=DATA + 'tail')
def random_access():
    f = open('out.txt', 'w+b')
    f.write(DATA.encode())
    f.seek(0)
    f.read()
    f.write(b'tail')


@file_way('file: appended to', content=DATA * 2)
def append():
    with open('out.txt', 'w') as f:
        f.write(DATA)
    f = open('out.txt', 'a')
    f.write(DATA)


@file_way('file: in a cycle')
def cycle():
    f = open('out.txt', 'w')
    f.write(DATA)
    f.me = f


@file_way('file: cycle dropped')
def cycle_dropped():
    f = open('out.txt', 'w')
    f.write(DATA)
    f.me = f
    # While it is alive: gc.immortalize_heap() collects garbage at once, and
    # the collector knows nothing of the order of files.
    done()
    del f


@file_way('file: cycle dropped by the last line')
def cycle_dropped_last():
    # After done(): where the heap is immortal, so is the cycle.
    f = open('out.txt', 'w')
    f.write(DATA)
    f.buffer.raw.wrapper = f
    done()
    del f


@file_way('file: buffered in a cycle')
def buffered_cycle():
    f = open('out.txt', 'wb')
    f.write(DATA.encode())
    f.raw.me = f.raw


@file_way('file: raw refers to its wrapper')
def raw_refers():
    f = open('out.txt', 'wb')
    f.write(DATA.encode())
    f.raw.wrapper = f


@file_way('file: raw refers to its text wrapper')
def raw_refers_text():
    f = open('out.txt', 'w')
    f.write(DATA)
    f.buffer.raw.wrapper = f


@file_way('file: raw refers to its wrapper, all dropped')
def raw_refers_dropped():
    f = open('out.txt', 'w')
    f.write(DATA)
    f.buffer.raw.wrapper = f
    done()
    del f


@file_way('file: three layers in a cycle')
def three_layers():
    raw = io.FileIO('out.txt', 'w')
    buffer = io.BufferedWriter(raw)
    text = io.TextIOWrapper(buffer)
    text.write(DATA)
    raw.all = text.all = [raw, buffer, text]


@file_way('file: layers by name, raw first')
def raw_first():
    raw = io.FileIO('out.txt', 'w')
    buffer = io.BufferedWriter(raw)
    text = io.TextIOWrapper(buffer)
    text.write(DATA)


@file_way('file: layers by name, raw last')
def raw_last():
    text = io.TextIOWrapper(io.BufferedWriter(io.FileIO('out.txt', 'w')))
    text.write(DATA)
    buffer = text.buffer
    raw = buffer.raw


@file_way('file: layers by private name')
def raw_private():
    text = io.TextIOWrapper(io.BufferedWriter(io.FileIO('out.txt', 'w')))
    text.write(DATA)
    _raw, _buffer = text.buffer.raw, text.buffer


@file_way('file: raw before its wrapper in a list')
def raw_in_list():
    raw = io.FileIO('out.txt', 'w')
    layers = [raw, io.BufferedWriter(raw)]
    layers[1].write(DATA.encode())
    del raw


@file_way('file: raw before its wrapper in a frozen cycle')
def raw_in_frozen_list():
    import gc
    raw = io.FileIO('out.txt', 'w')
    layers = [raw, io.BufferedWriter(raw)]
    layers[1].write(DATA.encode())
    layers.append(layers)
    gc.freeze()
    del raw, layers


@file_way('file: subclass of FileIO')
def raw_subclass():
    class Raw(io.FileIO):
        pass
    raw = Raw('out.txt', 'w')
    raw.wrapper = io.BufferedWriter(raw)
    raw.wrapper.write(DATA.encode())


@way('file: subclass of FileIO with __del__', 'p', files={'out.txt': DATA})
def raw_subclass_del():
    class Raw(io.FileIO):
        def __del__(self):
            super().__del__()
            assert self.closed
            report('p')
    raw = Raw('out.txt', 'w')
    buffer = io.BufferedWriter(raw)
    buffer.write(DATA.encode())


@file_way('file: raw in Python')
def raw_in_python():
    class Raw(io.RawIOBase):
        content = b''

        def writable(self):
            return True

        def write(self, data):
            self.content += data
            return len(data)

        def close(self):
            if not self.closed:
                super().close()
                with open('out.txt', 'ab') as f:
                    f.write(self.content)
    raw = Raw()
    raw.text = io.TextIOWrapper(io.BufferedWriter(raw))
    raw.text.write(DATA)


@file_way('file: buffer of a subclass')
def buffer_subclass():
    class Buffer(io.BufferedWriter):
        def close(self):
            if not self.closed:
                self.write(DATA[10:].encode())
            super().close()
    buffer = Buffer(io.FileIO('out.txt', 'w'))
    buffer.write(DATA[:10].encode())
    buffer.raw.buffer = buffer


@file_way('file: text of a subclass')
def text_subclass():
    class Text(io.TextIOWrapper):
        def close(self):
            if not self.closed:
                self.write(DATA[10:])
            super().close()
    text = Text(open('out.txt', 'wb'))
    text.write(DATA[:10])
    text.buffer.raw.text = text


@file_way('file: reader and writer', needs=['posix'])
def pair():
    import os
    r, w = os.pipe()
    pair = io.BufferedRWPair(io.FileIO(r), io.FileIO('out.txt', 'w'))
    pair.write(DATA.encode())
    os.close(w)


@file_way('file: detached')
def detached():
    buffer = open('out.txt', 'w', newline='\n').detach()
    buffer.write(DATA.encode())


@file_way('file: gzip', 'out.gz', needs=['zlib'])
def gzip_file():
    import gzip
    f = gzip.open('out.gz', 'wb')
    f.write(DATA.encode())


@file_way('file: gzip text', 'out.gz', needs=['zlib'])
def gzip_text():
    import gzip
    f = gzip.open('out.gz', 'wt')
    f.write(DATA)


@file_way('file: gzip in a cycle', 'out.gz', needs=['zlib'])
def gzip_cycle():
    import gzip
    f = gzip.open('out.gz', 'wb')
    f.write(DATA.encode())
    f.fileobj.raw.gzip = f.me = f


@file_way('file: gzip text in a cycle', 'out.gz', needs=['zlib'])
def gzip_text_cycle():
    import gzip
    f = gzip.open('out.gz', 'wt')
    f.write(DATA)
    f.buffer.fileobj.raw.text = f
    done()
    del f


@file_way('file: gzip on a file of ours', 'out.gz', needs=['zlib'])
def gzip_ours():
    import gzip
    _f = open('out.gz', 'wb')
    z = gzip.GzipFile(fileobj=_f, mode='wb')
    z.write(DATA.encode())


@file_way('file: gzip on a file, all in a cycle', 'out.gz', needs=['zlib'])
def gzip_ours_cycle():
    import gzip
    f = open('out.gz', 'wb')
    z = gzip.GzipFile(fileobj=f, mode='wb')
    z.write(DATA.encode())
    f.raw.all = [f.raw, f, z]
    done()
    del f, z


@file_way('file: bz2', 'out.bz2', needs=['bz2'])
def bz2_file():
    import bz2
    f = bz2.open('out.bz2', 'wt')
    f.write(DATA)


@file_way('file: xz', 'out.xz', needs=['lzma'])
def xz_file():
    import lzma
    f = lzma.open('out.xz', 'wt')
    f.write(DATA)
    f.me = f
