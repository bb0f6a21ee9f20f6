/* The extension: pymalloc's pools, from outside.

   Objects/obmalloc_seal.h is made to be part of Objects/obmalloc.c, and gets
   here what it uses of that. */

#include "glue.h"
#include "pycore_interp.h"        // PyInterpreterState.obmalloc
#include "pycore_obmalloc.h"      // poolp
#include "pycore_pystate.h"       // _PyInterpreterState_GET()

#include <dlfcn.h>                // dladdr()
#include <sys/mman.h>             // madvise()
#include <unistd.h>               // sysconf()

typedef struct _obmalloc_state OMState;
#undef  uint
#define uint pymem_uint

#define usedpools (state->pools.used)
#define allarenas (state->mgmt.arenas)
#define maxarenas (state->mgmt.maxarenas)
#define usable_arenas (state->mgmt.usable_arenas)

static OMState *
get_state(void)
{
    return _PyInterpreterState_GET()->obmalloc;
}

/* The call is refused elsewhere. */
#define _PyMem_PymallocEnabled() 1

static void
insert_to_usedpool(OMState *state, poolp pool)
{
    poolp head = usedpools[2 * pool->szidx];
    pool->nextpool = head;
    pool->prevpool = head->prevpool;
    head->prevpool->nextpool = pool;
    head->prevpool = pool;
}

/* Nobody else looks for free pools that are on no list. */
#define _PyPort_HOLES_ARE_FOUND 0

/* Do arenas come from mmap(), by the interpreter's own way to get one? */
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

/* Nobody calls it. */
struct arena_object;
static void seal_find_pool(struct arena_object *ao) __attribute__((unused));

#include "obmalloc_seal.h"

/* Free pools lie between sealed ones, and to use one writes to the page of its
   header.  Their memory goes back, and they are forgotten, as is what was
   never carved off: the next pool comes from a new arena. */
size_t
glue_forget_free_pools(void)
{
    OMState *state = get_state();
    size_t released = 0;
    struct arena_object *next, *ao = usable_arenas;
    if (seal_page_size() == 0) {
        return 0;
    }
    for (; ao != NULL; ao = next) {
        poolp after;
        for (poolp p = ao->freepools; p != NULL; p = after) {
            after = p->nextpool;
            released += seal_release(p, POOL_SIZE);
        }
        next = ao->nextarena;
        ao->freepools = NULL;
        ao->nfreepools = 0;
        ao->nextarena = ao->prevarena = NULL;
    }
    usable_arenas = NULL;
    memset(state->mgmt.nfp2lasta, 0, sizeof(state->mgmt.nfp2lasta));
    return released;
}
