/* Immortal reference counts: how an object of this CPython becomes immortal.

   The representation is upstream's (Include/refcount.h), and has to be: wheels
   inline it.  The count is the low 32 bits of a word.  An immortal count
   begins at 3<<30; Py_INCREF() stores nothing from there on, and Py_DECREF()
   nothing from 2**31 on.  Code that counts nevertheless has 2**30 decrements,
   or as many increments, until the object is mortal again.

   In the same word is a flag that says the same.  A reference on the
   evaluation stack is not counted if it was made from an object with the flag
   (PyStackRef_FromPyObjectSteal()), so flag and count must agree.

   There is no such heap for a free-threaded build: its collector has no lists,
   and its threads do not wait for each other. */

#ifndef Py_INTERNAL_IMMORTAL_H
#define Py_INTERNAL_IMMORTAL_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#ifdef Py_GIL_DISABLED
#  error "the immortal heap needs the GIL: configure without --disable-gil"
#endif

#include "pycore_object.h"        // _Py_AddRefTotal()
#include "pycore_pystate.h"       // _PyThreadState_GET()

#ifndef _Py_IsImmortal
#  error "Include/refcount.h does not define _Py_IsImmortal()"
#endif

/* What an object gets as its count, and the first that is not incremented any
   more. */
#define _Py_IMMORTAL_REFCNT ((Py_ssize_t)_Py_IMMORTAL_INITIAL_REFCNT)
#define _Py_IMMORTAL_INCREF_LIMIT _Py_IMMORTAL_REFCNT

/* True if Py_INCREF() leaves the count of op alone.  Implies
   _Py_IsImmortal(op). */
#if SIZEOF_VOID_P > 4
#  define _Py_IsIncrefImmortal(op) \
    ((uint32_t)_PyObject_CAST(op)->ob_refcnt >= _Py_IMMORTAL_INITIAL_REFCNT)
#else
#  define _Py_IsIncrefImmortal(op) \
    (_PyObject_CAST(op)->ob_refcnt >= _Py_IMMORTAL_INITIAL_REFCNT)
#endif

/* The same as _Py_EnsureImmortal() if op is known not to be immortal yet.

   An interned string says so in its state as well.  The two references of the
   interned dictionary are in no count, for a mortal one neither. */
static inline void
_Py_MakeImmortal(PyObject *op)
{
#ifdef Py_REF_DEBUG
    _Py_AddRefTotal(_PyThreadState_GET(), -(Py_ssize_t)Py_REFCNT(op));
#endif
    if (PyUnicode_Check(op) &&
        PyUnicode_CHECK_INTERNED(op) == SSTATE_INTERNED_MORTAL)
    {
        ((PyASCIIObject *)op)->state.interned = SSTATE_INTERNED_IMMORTAL;
    }
#if SIZEOF_VOID_P > 4
    op->ob_flags |= _Py_IMMORTAL_FLAGS;
#endif
    op->ob_refcnt = _Py_IMMORTAL_INITIAL_REFCNT;
}

/* Make op immortal, for good.

   Contracts:
     - op is initialised, and its deallocator is not running.
     - The references to op are not owed any more: the debug build's sum of all
       counts forgets them.  Nobody has to give them back, and doing so has no
       effect.

   The collector goes on tracking op, unlike after upstream's
   _Py_SetImmortal(). */
static inline void
_Py_EnsureImmortal(PyObject *op)
{
    if (!_Py_IsIncrefImmortal(op)) {
        _Py_MakeImmortal(op);
    }
}

/* There is one reference to op, which is immortal, and it is about to be given
   up: its deallocator is to run. */
static inline void
_Py_GiveLastReference(PyObject *op)
{
#ifdef Py_REF_DEBUG
    _Py_AddRefTotal(_PyThreadState_GET(), 1);
#endif
#if SIZEOF_VOID_P > 4
    op->ob_flags &= ~_Py_IMMORTAL_FLAGS;
#endif
    op->ob_refcnt = 1;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_H */
