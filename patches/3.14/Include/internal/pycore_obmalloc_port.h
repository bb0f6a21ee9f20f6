/* The port, for pymalloc: what Objects/obmalloc_seal.h needs of
   Objects/obmalloc.c that is not the same in each CPython.  obmalloc_seal.h
   includes it there, and in the extension (wheel/src/pools.c), which is
   outside of the allocator: it has the functions that this uses, and two of
   the names below in another way. */

#ifndef Py_INTERNAL_OBMALLOC_PORT_H
#define Py_INTERNAL_OBMALLOC_PORT_H

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_obmalloc_init.h" // PTA()

/* A byte of a pool. */
#define _PyPort_block pymem_block

/* The arenas of the current interpreter, *n of them; those that were never
   used or are free have no address. */
static inline struct arena_object *
_PyPort_Arenas(uint *n)
{
    OMState *state = get_state();
    *n = maxarenas;
    return allarenas;
}

/* Its list of arenas that have free pools. */
static inline struct arena_object *
_PyPort_UsableArenas(void)
{
    OMState *state = get_state();
    return usable_arenas;
}

#ifndef _PyPort_HOLES_ARE_FOUND

/* Does the allocator find free pools that are on no list, seal_find_pool()? */
#define _PyPort_HOLES_ARE_FOUND 1

/* Do arenas come from mmap()? */
static inline int
_PyPort_AreArenasMapped(void)
{
#ifdef ARENAS_USE_MMAP
    return _PyObject_Arena.alloc == _PyMem_ArenaAlloc;
#else
    return 0;
#endif
}

#endif   /* !_PyPort_HOLES_ARE_FOUND */

/* Empty its lists of pools that are in use and have free blocks. */
static inline void
_PyPort_ForgetUsedPools(void)
{
    OMState *state = get_state();
    for (uint i = 0; i < NB_SMALL_SIZE_CLASSES; i++) {
        usedpools[2 * i] = usedpools[2 * i + 1] = PTA(state->pools, i);
    }
}

/* Put a pool on its list. */
static inline void
_PyPort_UsePool(poolp pool)
{
    insert_to_usedpool(get_state(), pool);
}

#endif   /* !Py_INTERNAL_OBMALLOC_PORT_H */
