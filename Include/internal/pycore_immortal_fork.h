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

#include "pycore_addrset.h"       // _Py_addrset
#include "pycore_objlist.h"       // _Py_walk_stack

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

/* What is done with each object that the collector does not track, as it
   becomes immortal, and with all others after that.  To begin with, all zeros
   but for the first three.  To be cleared at the end. */
struct _Py_leaf_work {
    int fill;
    int quiet;
    struct _Py_seal_stats *stats;
    _Py_addrset judged;     /* tuples without a hash: code may have to run for
                               it */
    _Py_walk_stack stack;   /* tuples to be looked at */
};

/* In Python/immortal_fill.c: compute what would be stored when it is first
   asked for: the versions of all immortal types and functions, and of the keys
   of namespaces, and hashes that tuples and frozensets keep. */
extern void _PyImmortalHeap_Fill(PyInterpreterState *interp,
                                 struct _Py_leaf_work *work);

/* In Python/immortal_quiet.c: let immortal code that has been specialized
   stay as it is, the code of all functions.  QuietOne(), in
   Python/quiet_code.c, is for a code object as it becomes immortal: who holds
   it may not be a function. */
extern void _PyImmortalHeap_QuietOne(PyObject *code,
                                     struct _Py_seal_stats *stats);
extern void _PyImmortalHeap_QuietCode(PyInterpreterState *interp,
                                      struct _Py_seal_stats *stats);

/* In Python/immortal_fill.c: hashes and code, as a struct _Py_leaf_hook has it
   done; work is a struct _Py_leaf_work. */
extern void _PyImmortalHeap_PrepareLeaf(PyObject *op, void *work);
extern void _PyImmortalHeap_ClearWork(struct _Py_leaf_work *work);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_FORK_H */
