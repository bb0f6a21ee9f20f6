/* A set of object addresses: a bitmap for each 64 KiB of address space in
   which there is one, found by open addressing.

   One bit for each 16 bytes (8 on 32 bit) will do.  A heap of n bytes that is
   visited completely takes n / 128 bytes (n / 64).

   The same table serves for other things than bitmaps. */

#include "Python.h"
#include "pycore_addrset.h"

#define CHUNK_SHIFT _Py_ADDRSET_CHUNK_SHIFT
#define BIT_SHIFT _Py_ADDRSET_BIT_SHIFT
#define CHUNK_BITS _Py_ADDRSET_CHUNK_BITS

static struct _Py_addrset_chunk *
find(const _Py_addrset *set, uintptr_t number)
{
    size_t i = (size_t)(number * 0x9E3779B1u) & set->mask;
    while (set->table[i].bits != NULL && set->table[i].number != number) {
        i = (i + 1) & set->mask;
    }
    return &set->table[i];
}

static int
grow(_Py_addrset *set)
{
    struct _Py_addrset_chunk *old = set->table;
    size_t size = old == NULL ? 0 : set->mask + 1;
    size_t larger = size == 0 ? 64 : 2 * size;
    struct _Py_addrset_chunk *table = PyMem_RawCalloc(larger, sizeof(*table));
    if (table == NULL) {
        return -1;
    }
    set->table = table;
    set->mask = larger - 1;
    set->recent = NULL;
    for (size_t i = 0; i < size; i++) {
        if (old[i].bits != NULL) {
            *find(set, old[i].number) = old[i];
        }
    }
    PyMem_RawFree(old);
    return 0;
}

/* The entry for number, or NULL. */
static struct _Py_addrset_chunk *
find_used(const _Py_addrset *set, uintptr_t number)
{
    if (set->table == NULL) {
        return NULL;
    }
    struct _Py_addrset_chunk *chunk = find(set, number);
    return chunk->bits != NULL ? chunk : NULL;
}

struct _Py_addrset_chunk *
_Py_addrset_find(_Py_addrset *set, uintptr_t number)
{
    struct _Py_addrset_chunk *chunk = set->recent;
    if (chunk == NULL || chunk->number != number) {
        chunk = find_used(set, number);
        if (chunk != NULL) {
            set->recent = chunk;
        }
    }
    return chunk;
}

static struct _Py_addrset_chunk *
create(_Py_addrset *set, uintptr_t number, size_t size)
{
    if ((set->table == NULL || 2 * set->used > set->mask) && grow(set) < 0) {
        return NULL;
    }
    unsigned char *bits = PyMem_RawCalloc(size, 1);
    if (bits == NULL) {
        return NULL;
    }
    struct _Py_addrset_chunk *chunk = find(set, number);
    chunk->number = number;
    chunk->bits = bits;
    set->used++;
    set->recent = chunk;
    return chunk;
}

int
_Py_addrset_add(_Py_addrset *set, const void *address)
{
    uintptr_t number = (uintptr_t)address >> CHUNK_SHIFT;
    struct _Py_addrset_chunk *chunk = _Py_addrset_find(set, number);
    if (chunk == NULL &&
        (chunk = create(set, number, CHUNK_BITS / 8)) == NULL)
    {
        return -1;
    }
    size_t bit = ((uintptr_t)address >> BIT_SHIFT) & (CHUNK_BITS - 1);
    unsigned char flag = (unsigned char)(1 << (bit % 8));
    if (chunk->bits[bit / 8] & flag) {
        return 0;
    }
    chunk->bits[bit / 8] |= flag;
    return 1;
}

int
_Py_addrset_has_shared(const _Py_addrset *set, const void *address)
{
    const struct _Py_addrset_chunk *chunk =
        find_used(set, (uintptr_t)address >> CHUNK_SHIFT);
    return chunk != NULL && _Py_addrset_has_bit(chunk, address);
}

void
_Py_addrset_discard(_Py_addrset *set, const void *address)
{
    uintptr_t number = (uintptr_t)address >> CHUNK_SHIFT;
    struct _Py_addrset_chunk *chunk = _Py_addrset_find(set, number);
    if (chunk != NULL) {
        size_t bit = ((uintptr_t)address >> BIT_SHIFT) & (CHUNK_BITS - 1);
        chunk->bits[bit / 8] &= (unsigned char)~(1 << (bit % 8));
    }
}

void *
_Py_addrset_chunk(_Py_addrset *set, uintptr_t address, size_t size)
{
    uintptr_t number = address >> CHUNK_SHIFT;
    struct _Py_addrset_chunk *chunk = _Py_addrset_find(set, number);
    if (chunk == NULL && size > 0) {
        chunk = create(set, number, size);
    }
    return chunk != NULL ? chunk->bits : NULL;
}

void
_Py_addrset_clear(_Py_addrset *set)
{
    for (size_t i = 0; set->table != NULL && i <= set->mask; i++) {
        PyMem_RawFree(set->table[i].bits);
    }
    PyMem_RawFree(set->table);
    memset(set, 0, sizeof(*set));
}
