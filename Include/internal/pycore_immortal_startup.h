/* The immortal heap: the call that is made at start-up.  Programs call
   gc.immortalize_heap(), which is _PyGC_ExtendImmortalHeap(). */

#ifndef Py_INTERNAL_IMMORTAL_STARTUP_H
#define Py_INTERNAL_IMMORTAL_STARTUP_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_immortal_heap.h"

/* PyStatus error if -X immortal_heap or PYTHONIMMORTALHEAP has a value that
   means nothing. */
extern PyStatus _PyImmortalHeap_CheckConfig(const PyConfig *config);

/* The start-up call: pymain makes it once, after site was imported and
   before the first user code runs.  Everything alive becomes immortal except
   __main__, its dictionary, and what only these two keep alive.  Does nothing
   if the configuration says so, or if it was made in this process before:
   what is immortal cannot be given back when that interpreter ends.

   Without memory, the program begins all the same, with what became immortal
   by then. */
extern void _PyGC_ImmortalizeHeap(void);

/* Say, before the interpreter is initialized, that _PyGC_ImmortalizeHeap()
   will be called.  Until then, automatic collections wait, since there is
   next to nothing to collect.  They do not wait for ever: a bounded number of
   containers may be created, and the first import of gc, or a collection that
   is asked for, ends it at once.

   HoldCollections() is for the initialization, as soon as interp has its
   configuration. */
extern void _PyImmortalHeap_Announce(void);
extern void _PyImmortalHeap_HoldCollections(PyInterpreterState *interp);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_STARTUP_H */
