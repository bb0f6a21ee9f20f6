"""lxml: proxies, custom classes, resolvers, functions and validators are left in cycles."""

import gc
import os
import threading

from lxml import etree, objectify


class Row(etree.ElementBase):
    def _init(self) -> None:
        seen.append(self.tag)


class Resolver(etree.Resolver):
    def resolve(self, url, public, context):
        return self.resolve_string("<!ENTITY e 'text'>", context)


seen: list[str] = []
lookup = etree.ElementNamespaceClassLookup()
lookup.get_namespace(None)[None] = Row
parser = etree.XMLParser(load_dtd=True)
parser.set_element_class_lookup(lookup)
parser.resolvers.add(Resolver())
tree = etree.fromstring("<!DOCTYPE r SYSTEM 'x.dtd'><r><a>&e;</a><b/></r>", parser)
etree.FunctionNamespace(None)["twice"] = lambda context, x: x * 2
find = etree.XPath("twice(2)")
schema = etree.RelaxNG(
    etree.XML('<element name="r" xmlns="http://relaxng.org/ns/structure/1.0"><text/></element>')
)
loop = [tree, find, schema, objectify.fromstring("<x><y>1</y></x>").y]
loop.append(loop)
ready = threading.Event()


def work() -> None:
    for _ in tree.iter():
        ready.set()
        threading.Event().wait()


threading.Thread(target=work, daemon=True).start()
ready.wait()
print(find(tree), schema.validate(tree), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
