/* Finalization at shutdown: what only works in its deallocator.

   For the files finalize_release.c, finalize_owned.c, finalize_users.c,
   finalize_gone.c, finalize_kept.c, finalize_callbacks.c and finalize_cut.c;
   and _PyFinalize_Release() for finalize_run.c. */

#ifndef Py_INTERNAL_FINALIZE_RELEASE_H
#define Py_INTERNAL_FINALIZE_RELEASE_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_addrset.h"       // _Py_addrset
#include "pycore_deallocators.h"  // _Py_deallocators
#include "pycore_objlist.h"       // _Py_objlist

/* Release what only works in its deallocator (a C++ stream, a database).
   Called once the user's modules were let go of, so that nobody misses it, and
   with the standard library still whole.

   What is mortal, but held by something immortal, which no count will ever
   free: what holds it has None in its place, or is cleared.

   What became immortal while it was open, and only the heap owns
   (pycore_immortal_owned.h): it is deallocated, what refers to it before it.
   Its memory stays, so that whoever still refers to it finds an object.  None
   of this in a process that was forked since.  What others may still use is
   left to _PyFinalize_ReleaseRest(). */
extern void _PyFinalize_Release(PyInterpreterState *interp);

/* The first half of _PyFinalize_Release().

   later  -- what these objects hold is left alone; or NULL.
   last   -- what these hold as well: the interpreter or its threads hold them
             to the end.
   gone   -- addresses where there is no object any more.
   clear  -- may what holds an object be cleared for it?

   Returns whether something is left: it would have to be cleared, or last
   holds it. */
extern int _PyFinalize_ReleaseMortal(PyInterpreterState *interp,
                                     _Py_addrset *later, _Py_addrset *last,
                                     _Py_addrset *gone, int clear);

/* Can a reference that op holds be cut (_PyFinalize_Cut())? */
extern int _PyFinalize_CanBeCut(PyObject *op);

/* What one object is to let go of. */
typedef struct {
    PyObject *one;          /* borrowed; the only one, if many is NULL */
    _Py_addrset *many;
} _Py_finalize_held;

/* Take callbacks away from callers, which are weak references, if they need
   one of holders. */
extern void _PyFinalize_TakeCallbacks(_Py_objlist *callers,
                                      _Py_addrset *holders);

/* Deallocate op, which is immortal, though others may hold it still.

   Returns whether it is an object still: a plain one, immortal.  If its memory
   did not come back, it waits in a list of the type's, to be used again, or
   was another allocator's: it is left alone, and is no object any more. */
extern int _PyFinalize_Deallocate(PyObject *op);

/* Cut the references of holder to what is held; the caller holds all of that.
   If holder would have to be cleared for it, that is done if clear is not 0.
   Then the immortal dictionaries that it referred to are appended to dicts.

   Returns whether holder still has to be cleared. */
extern int _PyFinalize_Cut(PyInterpreterState *interp, PyObject *holder,
                           const _Py_finalize_held *held, int clear,
                           _Py_objlist *dicts);

/* Clear those of dicts that no other object refers to: they would have been
   freed with what was cleared if they were mortal (the cache of a
   functools.lru_cache()).  Leaves dicts empty. */
extern void _PyFinalize_ClearUnshared(PyInterpreterState *interp,
                                      _Py_objlist *dicts);

/* What is alive and mortal, and whose deallocator is an extension module's, or
   gives back a buffer of another object's.  To begin with, all zeros. */
typedef struct {
    _Py_objlist objects;
    _Py_addrset libraries;  /* _PyDeallocators_Library() of them */
    _Py_deallocators deallocators;      /* what is known of their types */
} _Py_finalize_users;

/* Find them, once _PyFinalize_ReleaseMortal() has released what it could.

   leaving -- these go first: what can be cut off from them is left out.

   Returns 0, or -1 for lack of memory (without an exception): there may be
   more then. */
extern int _PyFinalize_FindUsers(PyInterpreterState *interp,
                                 _Py_addrset *leaving,
                                 _Py_finalize_users *users);

/* Is the code that deallocates op, which does more than give memory back, that
   of one of users, too?  Whether that refers to op, cannot be known. */
extern int _PyFinalize_MayBeUsed(_Py_finalize_users *users, PyObject *op);
extern void _PyFinalize_ClearUsers(_Py_finalize_users *users);

/* Is op a function of C, of an object among owned, by a definition that is
   none of its type's?  The object may own that, as pybind11's do, and free
   it. */
extern int _PyFinalize_HasOwnedDefinition(PyObject *op, _Py_addrset *owned);

/* Let nothing that is alive drop a reference to what is gone.  Returns 0, or
   -1 for lack of memory (without an exception): not all was found then. */
extern int _PyFinalize_ForgetGone(PyInterpreterState *interp,
                                  _Py_addrset *gone);

/* The method cache holds values of classes' dictionaries without a reference:
   forget those of these dictionaries. */
extern void _PyFinalize_ForgetCached(PyInterpreterState *interp,
                                     _Py_addrset *dicts);

#ifdef __cplusplus
}
#endif
#endif  // !Py_INTERNAL_FINALIZE_RELEASE_H
