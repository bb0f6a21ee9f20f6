"""lxml: an incremental writer is suspended in an element, and parsers are half fed."""

import gc
import os

from lxml import etree


def elements():
    with (
        etree.xmlfile("left.xml", encoding="utf-8", buffered=True) as writer,
        writer.element("root"),
    ):
        while True:
            writer.write(etree.Element("row", number=str((yield))))


writing = elements()
next(writing)
for number in range(100):
    writing.send(number)
parser = etree.XMLPullParser(events=("start", "end"))
parser.feed("<root><a>")
events = parser.read_events()
print(next(events)[1].tag, flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
writing.send(100)
print("end", flush=True)
