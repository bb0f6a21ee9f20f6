/* The extension's port, for pymalloc: what Objects/obmalloc_seal.h needs of it, from
   outside of Objects/obmalloc.c.  The headers of the same name below patches/ say what
   each name promises. */

#ifndef Py_INTERNAL_OBMALLOC_PORT_H
#define Py_INTERNAL_OBMALLOC_PORT_H

#include <dlfcn.h>                // dladdr()

#include "pycore_obmalloc_init.h" // PTA()

#define _PyPort_block pymem_block

/* Nobody else looks for free pools that are on no list. */
#define _PyPort_HOLES_ARE_FOUND 0

static inline struct arena_object *
_PyPort_Arenas(uint *n)
{
    OMState *state = get_state();
    *n = maxarenas;
    return allarenas;
}

static inline struct arena_object *
_PyPort_UsableArenas(void)
{
    OMState *state = get_state();
    return usable_arenas;
}

/* The interpreter's own way to get an arena, where there is mmap(). */
static inline int
_PyPort_AreArenasMapped(void)
{
#ifdef HAVE_MMAP
    PyObjectArenaAllocator arena;
    Dl_info own, interpreter;
    PyObject_GetArenaAllocator(&arena);
    return arena.ctx == NULL &&
        dladdr((void *)arena.alloc, &own) != 0 &&
        dladdr((void *)&PyObject_GetArenaAllocator, &interpreter) != 0 &&
        own.dli_fbase == interpreter.dli_fbase;
#else
    return 0;
#endif
}

static inline void
_PyPort_ForgetUsedPools(void)
{
    OMState *state = get_state();
    for (uint i = 0; i < NB_SMALL_SIZE_CLASSES; i++) {
        usedpools[2 * i] = usedpools[2 * i + 1] = PTA(state->pools, i);
    }
}

static inline void
_PyPort_UsePool(poolp pool)
{
    insert_to_usedpool(get_state(), pool);
}

#endif   /* !Py_INTERNAL_OBMALLOC_PORT_H */
