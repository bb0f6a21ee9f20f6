"""A package of one extension, as its author writes it."""

from setuptools import Extension, setup

setup(name="work", version="1", py_modules=[], ext_modules=[Extension("work", ["work.c"])])
