/* Sealing: pools that are in use take no more part in allocation.

   Included by obmalloc.c.  A block that is allocated after a fork in a partly
   used pool un-shares the page it lies on, and the page of the pool's header.
   A sealed pool gives out no blocks.  What is freed in one stays as it is:
   to write the link of a free list would un-share the page, too.

   What is free in a sealed pool is lost, but for whole pages, which are given
   back to the system.  So the emptiest pools are not sealed: to use one costs
   a worker hardly more than fresh pages would, and without them the memory of
   a parent that seals again and again would grow with its garbage.

   A sealed pool looks full (freeblock is NULL), so that pymalloc_free() has
   one rare branch to look for it in.  maxnextoffset is never 0 otherwise.

   Where pymalloc_free() does not look, what is freed in a sealed pool opens it
   for as much, and to seal it again is the same as for any other. */

#include "pycore_obmalloc_port.h" // _PyPort_Arenas()
#include "pycore_pystate.h"       // _Py_IsMainInterpreter()

#define POOL_IS_SEALED(pool) \
    ((pool)->maxnextoffset == 0 && (pool)->freeblock == NULL)

#ifdef MADV_DONTNEED
#  define SEAL_CAN_RELEASE 1
#else
#  define SEAL_CAN_RELEASE 0
#endif

/* Pools are sorted by how many 16ths of their size would be lost. */
#define SEAL_GRADES 16

static int sealed = 0;                  /* was a pool sealed, ever? */
static size_t sealed_bytes = 0;         /* used in sealed pools */
static size_t dropped_blocks = 0;       /* freed in sealed pools */
static size_t stranded_blocks = 0;      /* free in sealed pools... */
static size_t stranded_bytes = 0;       /* ...less pages given back */

/* Size of a page, or 0 if pages of arenas cannot be given back. */
static size_t
seal_page_size(void)
{
#if SEAL_CAN_RELEASE
    if (_PyPort_AreArenasMapped()) {
        long size = sysconf(_SC_PAGESIZE);
        if (size > 0 && size <= POOL_SIZE && POOL_SIZE / size < 32) {
            return (size_t)size;
        }
    }
#endif
    return 0;
}

/* Give whole pages back: they read as zeros, and take no memory until they
   are written again.  Return how many bytes were given back. */
static size_t
seal_release(void *start, size_t size)
{
#if SEAL_CAN_RELEASE
    if (madvise(start, size, MADV_DONTNEED) == 0) {
        return size;
    }
#endif
    return 0;
}

/* Find the pages of a partly used pool that hold no allocated block, but not
   the first one, where the header is: bit n of *pages stands for page n.
   Return how many bytes will be lost when these pages are given back. */
static size_t
seal_look_for_pages(poolp pool, size_t page, uint *pages)
{
    *pages = 0;
    uint size = INDEX2SIZE(pool->szidx);
    uint nblocks = NUMBLOCKS(pool->szidx);
    uint8_t is_free[POOL_SIZE / ALIGNMENT];
    memset(is_free, 0, nblocks);
    uint begin = (pool->nextoffset - (uint)POOL_OVERHEAD) / size;
    for (uint i = begin; i < nblocks; i++) {
        is_free[i] = 1;                 /* never allocated */
    }
    for (_PyPort_block *b = pool->freeblock; b != NULL;
         b = *(_PyPort_block **)b)
    {
        is_free[(b - (_PyPort_block *)pool - POOL_OVERHEAD) / size] = 1;
    }
    size_t lost = (size_t)(nblocks - pool->ref.count) * size;
    for (size_t at = page; page && at < POOL_SIZE; at += page) {
        uint i = (uint)(at - POOL_OVERHEAD) / size;
        uint last = (uint)(at + page - 1 - POOL_OVERHEAD) / size;
        while (i < nblocks && i <= last && is_free[i]) {
            i++;
        }
        if (i >= nblocks || i > last) {
            lost -= Py_MIN(lost, page);
            *pages |= 1u << (at / page);
        }
    }
    return lost;
}

static uintptr_t
seal_arena_base(struct arena_object *ao)
{
    return (ao->address + POOL_SIZE_MASK) & ~(uintptr_t)POOL_SIZE_MASK;
}

/* Call visit for each pool that is in use and not sealed. */
static void
seal_visit_pools(void (*visit)(poolp, void *), void *arg)
{
    uint n;
    struct arena_object *arena = _PyPort_Arenas(&n);
    for (; n-- > 0; arena++) {
        if (arena->address == 0) {
            continue;
        }
        uintptr_t base = seal_arena_base(arena);
        for (; base < (uintptr_t)arena->pool_address; base += POOL_SIZE) {
            poolp pool = (poolp)base;
            if (pool->ref.count > 0 && !POOL_IS_SEALED(pool)) {
                visit(pool, arg);
            }
        }
    }
}

struct seal_state {
    size_t page;
    size_t lost[SEAL_GRADES + 1];   /* bytes, by grade */
    int grade;                      /* the emptiest pools to be sealed */
    struct _Py_seal_stats *stats;
};

static int
seal_grade(size_t lost)
{
    return (int)(lost * SEAL_GRADES / POOL_SIZE);
}

static void
seal_look(poolp pool, void *arg)
{
    struct seal_state *state = arg;
    if (pool->freeblock != NULL) {
        uint pages;
        size_t lost = seal_look_for_pages(pool, state->page, &pages);
        state->lost[seal_grade(lost)] += lost;
    }
    state->stats->used_bytes += (size_t)pool->ref.count *
                                INDEX2SIZE(pool->szidx);
}

static void
seal_pool(poolp pool, void *arg)
{
    struct seal_state *state = arg;
    if (pool->freeblock != NULL) {
        uint pages;
        size_t lost = seal_look_for_pages(pool, state->page, &pages);
        if (seal_grade(lost) > state->grade) {
            _PyPort_UsePool(pool);
            return;
        }
        for (uint n = 0; pages >> n; n++) {
            if (pages >> n & 1) {
                state->stats->released_bytes += seal_release(
                    (_PyPort_block *)pool + n * state->page, state->page);
            }
        }
        stranded_bytes += lost;
        stranded_blocks += NUMBLOCKS(pool->szidx) - pool->ref.count;
    }
    sealed_bytes += (size_t)pool->ref.count * INDEX2SIZE(pool->szidx);
    pool->freeblock = NULL;
    pool->nextpool = pool->prevpool = NULL;
    pool->maxnextoffset = 0;
    state->stats->sealed_pools++;
}

/* A free pool that was given back is on no list, which would need its header:
   it is a hole, whose header reads as zeros.  An arena has holes if more pools
   are free than those that were not carved off yet and those on its list. */

/* Below this address, its arena has no holes.  Only seal_trim() makes any. */
static uintptr_t seal_no_hole_below = 0;

/* Of an arena without a list of free pools, find a hole, if there is one, and
   make a list of it.  Called by allocate_from_new_pool(). */
static void
seal_find_pool(struct arena_object *ao)
{
    uintptr_t at = seal_arena_base(ao);
    uintptr_t end = at + (uintptr_t)ao->ntotalpools * POOL_SIZE;
    if ((uintptr_t)ao->nfreepools * POOL_SIZE <=
        end - (uintptr_t)ao->pool_address)
    {
        return;
    }
    if (at < seal_no_hole_below && seal_no_hole_below < end) {
        at = seal_no_hole_below;
    }
    for (; at < (uintptr_t)ao->pool_address; at += POOL_SIZE) {
        poolp pool = (poolp)at;
        if (pool->ref.count == 0) {
            uint n;
            pool->arenaindex = (uint)(ao - _PyPort_Arenas(&n));
            pool->szidx = DUMMY_SIZE_IDX;
            pool->nextpool = NULL;
            ao->freepools = pool;
            seal_no_hole_below = at + POOL_SIZE;
            return;
        }
    }
}

/* Give the free pools of an arena back.  Those at the end of what was carved
   off become uncarved again; the others become holes. */
static size_t
seal_trim_arena(struct arena_object *ao)
{
    size_t released = 0;
    poolp next, kept = NULL;
    for (poolp p = ao->freepools; p != NULL; p = next) {
        next = p->nextpool;
        size_t size = seal_release(p, POOL_SIZE);
        released += size;
        if (size == 0) {
            p->nextpool = kept;
            kept = p;
        }
    }
    ao->freepools = kept;
    uintptr_t base = seal_arena_base(ao);
    while (kept == NULL && (uintptr_t)ao->pool_address > base &&
           ((poolp)(ao->pool_address - POOL_SIZE))->ref.count == 0)
    {
        ao->pool_address -= POOL_SIZE;
    }
    return released;
}

/* The same where nobody finds holes: those in the middle stay on the list, by
   their headers, and the rest of them is given back.  The lowest come first,
   so that the end gets free.  What is so already is not written to. */
static size_t
seal_trim_listed(struct arena_object *ao, size_t page)
{
    uintptr_t base = seal_arena_base(ao);
    uint64_t listed = 0;
    size_t released = 0;
    for (poolp p = ao->freepools; p != NULL; p = p->nextpool) {
        uintptr_t place = ((uintptr_t)p - base) / POOL_SIZE;
        if (place >= 64) {
            return 0;
        }
        listed |= (uint64_t)1 << place;
    }
    for (;;) {
        uintptr_t last = (uintptr_t)ao->pool_address - POOL_SIZE;
        if (last < base) {
            break;
        }
        uint64_t bit = (uint64_t)1 << ((last - base) / POOL_SIZE);
        if (!(listed & bit)) {
            break;
        }
        listed &= ~bit;
        ao->pool_address -= POOL_SIZE;
        released += seal_release((void *)last, POOL_SIZE);
    }
    poolp next = NULL;
    for (int place = 63; place >= 0; place--) {
        if (!(listed >> place & 1)) {
            continue;
        }
        poolp pool = (poolp)(base + (uintptr_t)place * POOL_SIZE);
        if (pool->szidx != DUMMY_SIZE_IDX) {
            pool->szidx = DUMMY_SIZE_IDX;
            released += seal_release((char *)pool + page, POOL_SIZE - page);
        }
        if (pool->nextpool != next) {
            pool->nextpool = next;
        }
        next = pool;
    }
    ao->freepools = next;
    return released;
}

static size_t
seal_trim(size_t page)
{
    size_t released = 0;
    seal_no_hole_below = 0;
    struct arena_object *ao = page ? _PyPort_UsableArenas() : NULL;
    for (; ao != NULL; ao = ao->nextarena) {
        if (ao->freepools != NULL) {
            released += _PyPort_HOLES_ARE_FOUND ? seal_trim_arena(ao) :
                seal_trim_listed(ao, page);
        }
    }
    return released;
}

void
_PyObject_TrimPools(void)
{
    /* Pools of interpreters that have a GIL of their own were never sealed. */
    if (sealed && _Py_IsMainInterpreter(_PyInterpreterState_GET())) {
        (void)seal_trim(seal_page_size());
    }
}

void
_PyObject_SealPools(struct _Py_seal_stats *stats)
{
    if (_PyMem_PymallocEnabled()) {
        struct seal_state state = {.page = seal_page_size(), .stats = stats};
        seal_visit_pools(seal_look, &state);
        stats->used_bytes += sealed_bytes;
        size_t lost = stranded_bytes;
        size_t limit = _Py_SEAL_LIMIT(stats->used_bytes);
        for (; state.grade < SEAL_GRADES; state.grade++) {
            lost += state.lost[state.grade];
            if (lost > limit) {
                break;
            }
        }
        state.grade--;
        /* Lists anew: the pools that are not sealed. */
        _PyPort_ForgetUsedPools();
        seal_visit_pools(seal_pool, &state);
        stats->released_bytes += seal_trim(state.page);
        sealed = 1;
    }
    stats->stranded_blocks = stranded_blocks;
    stats->stranded_bytes = stranded_bytes;
    stats->dropped_blocks = dropped_blocks;
}
