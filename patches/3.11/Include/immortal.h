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

   In C, the most significant byte is looked at, in memory: a compare with an
   8-bit constant needs neither a register nor a 64-bit immediate, which
   inside the interpreter loop matters more than anything else (tools/measure
   has the numbers of instructions).  The byte is signed, so
   that a negative count, and memory that a debug allocator filled with 0xCD,
   0xDD or 0xFD, does not look immortal.

   In assembly, on Linux on x86-64, the whole count is compared with the stack
   pointer, of all registers the one that always holds a number that no mortal
   count reaches and that is below every immortal one; see _Py_COUNT_UP(). */

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

/* The most significant byte of the reference count of op.  With a cast of the
   language's own, for compilers that are asked to warn of another's. */
#ifdef __cplusplus
#  define _Py_REFCNT_BYTES(op) \
    reinterpret_cast<const signed char *>(&(op)->ob_refcnt)
#else
#  define _Py_REFCNT_BYTES(op) ((const signed char *)&(op)->ob_refcnt)
#endif
#if PY_BIG_ENDIAN
#  define _Py_REFCNT_TOP(op) (_Py_REFCNT_BYTES(op)[0])
#else
#  define _Py_REFCNT_TOP(op) (_Py_REFCNT_BYTES(op)[sizeof(Py_ssize_t) - 1])
#endif

/* True if Py_DECREF() leaves the count of op alone: op is never freed. */
#define _Py_IsImmortal(op) \
    (_Py_REFCNT_TOP(_PyObject_CAST(op)) > _Py_IMMORTAL_DECREF_TOP)

/* True if Py_INCREF() leaves the count of op alone.  Implies
   _Py_IsImmortal(op); the reverse holds but for a count that has only just
   grown out of the mortal range. */
#define _Py_IsIncrefImmortal(op) \
    (_Py_REFCNT_TOP(_PyObject_CAST(op)) > _Py_IMMORTAL_INCREF_TOP)

/* The test and the count in one piece.

   With the test in C, GCC 12 loses the profile of some functions: sound
   training counts, and still it takes _pysqlite_query_execute(), _pickle's
   save_global() and eight more for code that never runs.  In assembly it sees
   what it sees in an unpatched CPython, one statement without a branch; most
   of those functions keep their profile, and more is inlined.

   The limit is the stack pointer.  A compare of memory with a constant cannot
   be executed together with the jump after it, when the address has a
   displacement, too (macro-fusion, on AMD's and Intel's processors alike); one
   with a register can, and is a byte shorter.  No register can be spared for a
   limit, but %rsp is there already, and any limit between 2**40 and 2**57
   says the same of every count there is: an immortal one is above, and for a
   mortal one to be above an address of the stack, the references would fill
   all of the memory below that address eight times over.  Linux puts stacks at
   the top of the 2**47 bytes of a process's address space, those of threads
   below its libraries, from about 2**46 on.  A count that is driven up to
   there without any references stays where it is, as at the limits above:
   Py_INCREF() and Py_DECREF() both pass it by.

   What this rules out is Python code that runs on a stack which a program has
   put into the lowest few GiB of its address space itself, and there only for
   objects with more references than the stack's address.

   inc and dec: a byte shorter than add and sub, in many thousand places.

   C is for sanitizers, which need to see the access, for compilers that read
   host code with a front end of their own, for systems whose stacks may lie
   anywhere, and for whoever wants it (_Py_COUNT_IN_C). */
#if !defined(_Py_COUNT_IN_C) && SIZEOF_VOID_P == 8 && defined(__x86_64__) \
        && defined(__linux__) \
        && defined(__GCC_ASM_FLAG_OUTPUTS__) \
        && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) \
        && !defined(__CUDACC__) && !defined(__EDG__)
#  define _Py_COUNT_IN_ASSEMBLY 1
#endif
#if defined(_Py_COUNT_IN_ASSEMBLY) && defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) \
        || __has_feature(memory_sanitizer)
#    undef _Py_COUNT_IN_ASSEMBLY
#  endif
#endif

/* inline: of the size of one instruction when GCC decides what to inline.
   What stands in braces is for AT&T's and for Intel's syntax (-masm=intel). */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 9
#  define _Py_COUNT_ASM __asm__ __inline__
#else
#  define _Py_COUNT_ASM __asm__
#endif

/* Clang leaves the size of an operand in memory out of Intel's syntax, where
   the mnemonic does not tell it either.  GCC names it. */
#ifdef __clang__
#  define _Py_COUNT_INTEL "qword ptr "
#else
#  define _Py_COUNT_INTEL
#endif

#ifdef _Py_COUNT_IN_ASSEMBLY
/* Compare the operand [count] with the limit: "greater" is not counted. */
#  define _Py_COMPARE_COUNT "cmp{q}\t{%%rsp, %[count]|%[count], rsp}"
#endif

/* Add a reference to the count of op, unless op is immortal. */
#ifdef _Py_COUNT_IN_ASSEMBLY
#  define _Py_COUNT_UP(op) \
    _Py_COUNT_ASM (_Py_COMPARE_COUNT "\n\tjg\t1f\n\t" \
                   "inc{q\t|\t" _Py_COUNT_INTEL "}%[count]\n1:" \
                   : [count] "+m" ((op)->ob_refcnt))
#else
#  define _Py_COUNT_UP(op) \
    do { \
        if (!_Py_IsIncrefImmortal(op)) { \
            (op)->ob_refcnt++; \
        } \
    } while (0)
#endif

/* Take a reference from the count of op, unless op is immortal, and set
   none_left, an int, to whether that was the last.  Where the jump is taken,
   the compare has left "not zero" in the flags. */
#ifdef _Py_COUNT_IN_ASSEMBLY
#  define _Py_COUNT_DOWN(op, none_left) \
    _Py_COUNT_ASM (_Py_COMPARE_COUNT "\n\tjg\t1f\n\t" \
                   "dec{q\t|\t" _Py_COUNT_INTEL "}%[count]\n1:" \
                   : [count] "+m" ((op)->ob_refcnt), "=@cce" (none_left))
#else
#  define _Py_COUNT_DOWN(op, none_left) \
    ((none_left) = !_Py_IsImmortal(op) && --(op)->ob_refcnt == 0)
#endif

/* True if _Py_COUNT_DOWN() passes op by: its test alone, for Python/ceval.c,
   which counts in C, because small loops are slower if all is in assembly
   (docs/tried.md). */
#ifdef _Py_COUNT_IN_ASSEMBLY
static inline int
_Py_IsNotCounted(PyObject *op)
{
    int not_counted;
    __asm__ (_Py_COMPARE_COUNT
             : "=@ccg" (not_counted) : [count] "m" (op->ob_refcnt));
    return not_counted;
}
#else
#  define _Py_IsNotCounted(op) _Py_IsImmortal(op)
#endif

#ifdef __cplusplus
}
#endif
#endif   /* !Py_IMMORTAL_H */
