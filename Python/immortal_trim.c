/* The immortal heap: the C heap, as glibc keeps it.

   Blocks of more than 512 bytes, and all that C libraries allocate, come from
   malloc().  In a forked process it would hand out the gaps between the
   blocks of the parent, and so un-share the pages that both lie on.  Hence
   the gaps are filled before the fork, with blocks that nobody uses, and
   whole pages of these are given back to the system.  What is allocated later
   comes from the end of the heap, where the pages are fresh.  Large gaps are
   filled first; the smallest are left if too much would be lost.

   The next call frees the fillers first: what else was freed by then joins
   them, and the C heap of a process that calls again and again does not
   crumble. */

#include "Python.h"
#include "pycore_immortal_fork.h"

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#  if __GLIBC_PREREQ(2, 33)         // mallinfo2()
#    define HAVE_GLIBC_HEAP
#  endif
#endif

#ifdef HAVE_GLIBC_HEAP
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

/* A block that fills a gap; it lies in the gap itself. */
struct filler {
    struct filler *next;
    size_t size;                /* usable */
};

static struct filler *fillers = NULL;

/* Where malloc() goes on when there is no gap (the chunk that glibc calls
   top), or NULL if it is not glibc's. */
static char *
end_of_blocks(void)
{
    char *end = sbrk(0);
    struct mallinfo2 info = mallinfo2();
    if (end == (char *)-1 || info.arena == 0) {
        return NULL;
    }
    return end - info.keepcost;
}

/* Give the whole pages in the block back.  They read as zeros from now on. */
static void
release_pages(struct filler *f, size_t page, struct _Py_seal_stats *stats)
{
    char *begin = (char *)_Py_ALIGN_UP(f + 1, page);
    char *end = (char *)_Py_ALIGN_DOWN((char *)f + f->size, page);
    size_t released = 0;
    if (begin < end && madvise(begin, end - begin, MADV_DONTNEED) == 0) {
        released = end - begin;
    }
    stats->released_bytes += released;
    stats->stranded_bytes += f->size - released;
}

/* Fill the gaps that a request for size bytes fits into.  Where there is
   none, malloc() returns a block from top on, or one of its own mapping,
   which lies higher still. */
static void
fill_gaps(size_t size, char *top, size_t page, size_t limit,
          struct _Py_seal_stats *stats)
{
    while (stats->stranded_bytes < limit) {
        struct filler *f = malloc(size);
        if (f == NULL) {
            return;
        }
        if ((char *)f >= top) {
            free(f);
            return;
        }
        f->size = malloc_usable_size(f);
        f->next = fillers;
        fillers = f;
        release_pages(f, page, stats);
    }
}

/* Smaller than what malloc() maps by itself (M_MMAP_THRESHOLD): to free such
   a block would raise that limit for the rest of the process. */
#define LARGEST (120 * 1024)
/* Up to here, malloc() keeps blocks of each size by themselves. */
#define SMALL 1032
/* From one of these sizes to the next: more than a filler itself takes. */
#define STEP 16

void
_PyImmortalHeap_TrimCHeap(void)
{
    if (fillers != NULL) {
        malloc_trim(0);
    }
}

void
_PyImmortalHeap_UnsealCHeap(void)
{
    while (fillers != NULL) {
        struct filler *next = fillers->next;
        free(fillers);
        fillers = next;
    }
}

void
_PyImmortalHeap_SealCHeap(struct _Py_seal_stats *stats)
{
    long page = sysconf(_SC_PAGESIZE);
    malloc_trim(0);
    char *top = end_of_blocks();
    if (top == NULL || page <= 0) {
        return;
    }
    struct mallinfo2 info = mallinfo2();
    size_t limit = _Py_SEAL_LIMIT(stats->used_bytes + info.uordblks +
                                  info.hblkhd);
    for (size_t size = LARGEST; size > SMALL; size -= size / 8) {
        fill_gaps(size, top, page, limit, stats);
    }
    for (size_t size = SMALL; size > STEP; size -= STEP) {
        fill_gaps(size, top, page, limit, stats);
    }
    malloc_trim(0);
}

#else   /* !HAVE_GLIBC_HEAP */

void
_PyImmortalHeap_TrimCHeap(void)
{
}

void
_PyImmortalHeap_UnsealCHeap(void)
{
}

void
_PyImmortalHeap_SealCHeap(struct _Py_seal_stats *stats)
{
}

#endif   /* !HAVE_GLIBC_HEAP */
