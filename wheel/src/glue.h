/* The extension: what its own files share.

   The heap, the finalization and the preparation for a fork are the files of
   Python/, as they are compiled into the patched interpreter.  Here is what
   there is of patches in that interpreter: where the shared files are called
   from, and what they call that this interpreter does not export. */

#ifndef IMMORTAL_HEAP_GLUE_H
#define IMMORTAL_HEAP_GLUE_H

#include "Python.h"
#include "pycore_immortal_fork.h" // struct _Py_seal_stats

/* Is this interpreter the one that the extension was compiled for, to the last
   structure?  Returns 0, or -1 with ImportError set.  To be asked first of
   all: anything else may read where there is something else. */
extern int glue_check_build(void);

/* May the heap of this process be made immortal, in the state in which it is?
   Returns 0, or -1 with RuntimeError set. */
extern int glue_check_state(PyThreadState *tstate);

/* A full collection, whether or not automatic ones are switched off.  Returns
   the number of unreachable objects. */
extern Py_ssize_t glue_collect(void *unused);

/* See to it that the finalization of the main interpreter begins with ours.
   Called before the heap is made immortal.  Returns 0, or -1 with an
   exception set. */
extern int glue_finalize_at_exit(PyThreadState *tstate);

/* Let all code go by what its constants are by now: the interpreter has an
   instruction that counts a constant without looking, which code that ran
   before the constants became immortal consists of.  For all code there is,
   whoever holds it.  Returns how many code objects were changed; -1 for lack
   of memory, with MemoryError set. */
extern Py_ssize_t glue_settle_code(PyInterpreterState *interp);

/* The types of the io module, by its name for them.  Returns 0, or -1 with an
   exception set. */
extern int glue_find_io_types(void);

/* Find out where a buffered file says which thread has locked it.  Returns 0,
   or -1 with RuntimeError set. */
extern int glue_find_file_owner(void);

/* Let the allocator of small objects go on in fresh memory, once its pools
   were sealed.  Returns how many bytes were given back. */
extern size_t glue_forget_free_pools(void);

/* From the next full collection on, free memory is given back after each.
   Returns 0, or -1 with an exception set.  The type of what does that is to be
   made before the heap is made immortal. */
extern int glue_make_sentinel_type(void);
extern int glue_trim_after_collections(PyInterpreterState *interp);

#endif   /* !IMMORTAL_HEAP_GLUE_H */
