/* The port, for pymalloc: what Objects/obmalloc_seal.h needs of
   Objects/obmalloc.c that is not the same in each CPython.  obmalloc_seal.h
   includes it there. */

#ifndef Py_INTERNAL_OBMALLOC_PORT_H
#define Py_INTERNAL_OBMALLOC_PORT_H

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

/* A byte of a pool. */
#define _PyPort_block block

/* Does the allocator find free pools that are on no list, seal_find_pool()? */
#define _PyPort_HOLES_ARE_FOUND 1

/* The arenas, *n of them; those that were never used or are free have no
   address. */
static inline struct arena_object *
_PyPort_Arenas(uint *n)
{
    *n = maxarenas;
    return arenas;
}

/* The list of arenas that have free pools. */
static inline struct arena_object *
_PyPort_UsableArenas(void)
{
    return usable_arenas;
}

/* Do arenas come from mmap()? */
static inline int
_PyPort_AreArenasMapped(void)
{
#ifdef ARENAS_USE_MMAP
    return _PyObject_Arena.alloc == _PyObject_ArenaMmap;
#else
    return 0;
#endif
}

/* Empty the lists of pools that are in use and have free blocks. */
static inline void
_PyPort_ForgetUsedPools(void)
{
    for (uint i = 0; i < NB_SMALL_SIZE_CLASSES; i++) {
        usedpools[2 * i] = usedpools[2 * i + 1] = PTA(i);
    }
}

/* Put a pool on its list. */
static inline void
_PyPort_UsePool(poolp pool)
{
    insert_to_usedpool(pool);
}

#endif   /* !Py_INTERNAL_OBMALLOC_PORT_H */
