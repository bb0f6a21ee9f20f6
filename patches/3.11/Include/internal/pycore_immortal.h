/* Immortal reference counts: what only the interpreter itself needs.

   Include/immortal.h has the representation. */

#ifndef Py_INTERNAL_IMMORTAL_H
#define Py_INTERNAL_IMMORTAL_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

/* Counts from here on are not incremented any more. */
#define _Py_IMMORTAL_INCREF_LIMIT \
    ((Py_ssize_t)(_Py_IMMORTAL_INCREF_TOP + 1) << (8 * (SIZEOF_SIZE_T - 1)))

/* The same as _Py_EnsureImmortal() if op is known not to be immortal yet. */
static inline void
_Py_MakeImmortal(PyObject *op)
{
#ifdef Py_REF_DEBUG
    _Py_RefTotal -= op->ob_refcnt;
    if (PyUnicode_Check(op) && PyUnicode_CHECK_INTERNED(op)) {
        _Py_RefTotal -= 2;
    }
#endif
    op->ob_refcnt = _Py_IMMORTAL_REFCNT;
}

/* Make op immortal, for good.

   Contracts:
     - op is initialised, and its deallocator is not running.
     - The references to op are not owed any more: _Py_RefTotal, the debug
       build's sum of all counts, forgets them.  Nobody has to give them
       back, and doing so has no effect.  That includes the two references
       of the interned dictionary, which ob_refcnt leaves out. */
static inline void
_Py_EnsureImmortal(PyObject *op)
{
    if (!_Py_IsIncrefImmortal(op)) {
        _Py_MakeImmortal(op);
    }
}

/* Add n references to op at once, as n calls of Py_INCREF() would: nothing
   is stored for an immortal op, and a sum that leaves the mortal range makes
   op immortal. */
static inline void
_Py_RefcntAdd(PyObject *op, Py_ssize_t n)
{
    assert(n >= 0);
    if (_Py_IsIncrefImmortal(op)) {
        return;
    }
    if (n >= _Py_IMMORTAL_INCREF_LIMIT - op->ob_refcnt) {
        _Py_EnsureImmortal(op);
        return;
    }
#ifdef Py_REF_DEBUG
    _Py_RefTotal += n;
#endif
    op->ob_refcnt += n;
}

/* There is one reference to op, which is immortal, and it is about to be given
   up: its deallocator is to run. */
static inline void
_Py_GiveLastReference(PyObject *op)
{
#ifdef Py_REF_DEBUG
    _Py_RefTotal++;
#endif
    op->ob_refcnt = 1;
}

/* Store a count of 0 over whatever count the static object op has: its
   storage is about to be initialised again.  Py_SET_REFCNT() would leave an
   immortal count alone. */
static inline void
_Py_ResetRefcnt(PyObject *op)
{
    op->ob_refcnt = 0;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_H */
