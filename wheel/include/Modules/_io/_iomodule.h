/* The extension: of CPython's header of this name, what
   Python/finalize_files.c uses.  wheel/src/io_types.c fills it. */

#ifndef IMMORTAL_HEAP_IOMODULE_H
#define IMMORTAL_HEAP_IOMODULE_H

struct _io_state {
    PyTypeObject *PyIOBase_Type;
    PyTypeObject *PyRawIOBase_Type;
    PyTypeObject *PyTextIOBase_Type;
    PyTypeObject *PyBufferedRWPair_Type;
    PyTypeObject *PyBufferedRandom_Type;
    PyTypeObject *PyBufferedReader_Type;
    PyTypeObject *PyBufferedWriter_Type;
    PyTypeObject *PyFileIO_Type;
    PyTypeObject *PyTextIOWrapper_Type;
};

#endif   /* !IMMORTAL_HEAP_IOMODULE_H */
