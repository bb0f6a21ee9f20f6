/* Immortal reference counts.

   An object is immortal when its reference count lies in a range that no
   counting can reach.  Py_INCREF() and Py_DECREF() only read the count of
   such an object: they store nothing, so the memory page it lives on stays
   shared between forked processes, and the object is never deallocated.

   The field stays one word, always read and written whole.  An extension
   built with the headers of an unpatched CPython adds to and subtracts from
   it without knowing about immortality; that moves the count, but not out
   of the range:

                            64 bit      32 bit
     limit (exclusive)       2**62       2**30
     initial value           2**61       2**29
     INCREF stops at         2**57       2**28 + 2**27
     DECREF stops at         2**56       2**28

   so an immortal object survives 2**58 unaware increments or decrements
   (2**28 on 32 bit).  The two highest bits are never used: the garbage
   collector shifts counts left by _PyGC_PREV_SHIFT, and unpatched headers
   inline the test Py_REFCNT(ob) > 0 in PyWeakref_GET_OBJECT().

   Py_INCREF() goes on counting for a while where Py_DECREF() has already
   stopped.  A mortal count that really grows that far thus becomes immortal
   for good: unaware decrements would first have to undo 2**56 (2**27)
   increments that were stored.  Such an object leaks; it is never freed
   while in use.

   Everything here looks at the most significant byte only, in memory: a
   compare with an 8-bit constant needs neither a register nor a 64-bit
   immediate, which inside the interpreter loop matters more than anything
   else (2.6 % more instructions instead of 9 to 11 %: tools/measure).  The
   byte is signed, so that a negative count, and memory that a debug
   allocator filled with 0xCD, 0xDD or 0xFD, does not look immortal. */

#ifndef Py_IMMORTAL_H
#define Py_IMMORTAL_H
#ifdef __cplusplus
extern "C" {
#endif

#if SIZEOF_VOID_P > 4
#  define _Py_IMMORTAL_REFCNT ((Py_ssize_t)1 << 61)
   /* Highest values of the top byte that are still counted. */
#  define _Py_IMMORTAL_DECREF_TOP 0
#  define _Py_IMMORTAL_INCREF_TOP 1
#else
#  define _Py_IMMORTAL_REFCNT ((Py_ssize_t)1 << 29)
#  define _Py_IMMORTAL_DECREF_TOP 0x0f
#  define _Py_IMMORTAL_INCREF_TOP 0x17
#endif

/* The most significant byte of the reference count of op. */
#if PY_BIG_ENDIAN
#  define _Py_REFCNT_TOP(op) \
    (((const signed char *)&(op)->ob_refcnt)[0])
#else
#  define _Py_REFCNT_TOP(op) \
    (((const signed char *)&(op)->ob_refcnt)[sizeof(Py_ssize_t) - 1])
#endif

/* True if Py_DECREF() leaves the count of op alone: op is never freed. */
#define _Py_IsImmortal(op) \
    (_Py_REFCNT_TOP(_PyObject_CAST(op)) > _Py_IMMORTAL_DECREF_TOP)

/* True if Py_INCREF() leaves the count of op alone.  Implies
   _Py_IsImmortal(op); the reverse holds but for a count that has only just
   grown out of the mortal range. */
#define _Py_IsIncrefImmortal(op) \
    (_Py_REFCNT_TOP(_PyObject_CAST(op)) > _Py_IMMORTAL_INCREF_TOP)

#ifdef __cplusplus
}
#endif
#endif   /* !Py_IMMORTAL_H */
