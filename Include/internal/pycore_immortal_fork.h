/* What gc.immortalize_heap() does besides marking, so that a forked process
   leaves the memory of its parent alone. */

#ifndef Py_INTERNAL_IMMORTAL_FORK_H
#define Py_INTERNAL_IMMORTAL_FORK_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_code.h"          // _Py_CODEUNIT

/* What was done, and at what price. */
struct _Py_seal_stats {
    /* By this call: */
    size_t filled;              /* hashes and versions computed ahead */
    size_t quiet_code;          /* code objects that stopped adapting */
    size_t sealed_pools;        /* pools that give out no more blocks */
    size_t released_bytes;      /* given back to the system */
    /* By now: */
    size_t used_bytes;          /* in pools; not in what is larger */
    size_t stranded_blocks;     /* free blocks in sealed pools */
    size_t stranded_bytes;      /* free memory that cannot be used any more:
                                   such blocks, and gaps of the C heap,
                                   without the pages that were given back */
    size_t dropped_blocks;      /* freed in sealed pools, and not used again */
};

/* No more than so much is to be stranded, in a heap of used bytes. */
#define _Py_SEAL_LIMIT(used) ((used) / 100 * 3 + (256 << 10))

/* In Objects/obmalloc_seal.h: seal the pools of pymalloc, all but the
   emptiest.  Later blocks come from fresh pages.  Does nothing if pymalloc is
   not in use. */
extern void _PyObject_SealPools(struct _Py_seal_stats *stats);

/* Give the pages of free pools back to the system, if pools were sealed. */
extern void _PyObject_TrimPools(void);

/* In Python/immortal_trim.c: make sure that malloc() takes no more memory
   from between the blocks that it has given out, and give whole free pages
   back.  Does nothing where malloc() is not glibc's.  Unseal takes back what
   an earlier call did. */
extern void _PyImmortalHeap_SealCHeap(struct _Py_seal_stats *stats);
extern void _PyImmortalHeap_UnsealCHeap(void);

/* Give the free pages of the C heap back, if it was sealed. */
extern void _PyImmortalHeap_TrimCHeap(void);

/* In Python/immortal_fill.c: compute what would be stored when it is first
   asked for: the versions of all immortal types and functions, and of the keys
   of namespaces.  FillHash() is for one string as it becomes immortal
   (struct _Py_leaf_hook), and for stats. */
extern void _PyImmortalHeap_FillHash(PyObject *op, void *stats);
extern void _PyImmortalHeap_Fill(PyInterpreterState *interp,
                                 struct _Py_seal_stats *stats);

/* In Python/immortal_quiet.c: let immortal code that has been specialized
   stay as it is. */
extern void _PyImmortalHeap_QuietCode(PyInterpreterState *interp,
                                      struct _Py_seal_stats *stats);

/* co_warmup of such code. */
#define _PyCode_QUIET 1

/* A specialized instruction of quiet code, counter being its first cache
   entry, met something else than it is specialized for.  1 if its counter
   must not be written. */
extern int _PyCode_QuietMiss(PyCodeObject *code, const _Py_CODEUNIT *counter);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_FORK_H */
