/* A set of addresses of objects, in memory of its own: to visit an object
   must not write to it. */

#ifndef Py_INTERNAL_ADDRSET_H
#define Py_INTERNAL_ADDRSET_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

/* Of a chunk of address space. */
struct _Py_addrset_chunk {
    uintptr_t number;       /* address >> _Py_ADDRSET_CHUNK_SHIFT */
    unsigned char *bits;    /* NULL: the entry is free */
};

typedef struct {
    struct _Py_addrset_chunk *table;
    size_t mask;
    size_t used;
    struct _Py_addrset_chunk *recent;
} _Py_addrset;

#define _Py_ADDRSET_CHUNK_SHIFT 16

/* Objects are at least 16 bytes apart (8 on 32 bit). */
#define _Py_ADDRSET_BIT_SHIFT (SIZEOF_VOID_P > 4 ? 4 : 3)
#define _Py_ADDRSET_CHUNK_BITS \
    ((size_t)1 << (_Py_ADDRSET_CHUNK_SHIFT - _Py_ADDRSET_BIT_SHIFT))

/* 1 if address was added, 0 if it was there, -1 for lack of memory. */
extern int _Py_addrset_add(_Py_addrset *set, const void *address);
extern void _Py_addrset_discard(_Py_addrset *set, const void *address);
extern void _Py_addrset_clear(_Py_addrset *set);

/* The entry for a chunk, or NULL. */
extern struct _Py_addrset_chunk *_Py_addrset_find(_Py_addrset *set,
                                                  uintptr_t number);

static inline int
_Py_addrset_has_bit(const struct _Py_addrset_chunk *chunk,
                    const void *address)
{
    size_t bit = ((uintptr_t)address >> _Py_ADDRSET_BIT_SHIFT) &
        (_Py_ADDRSET_CHUNK_BITS - 1);
    return (chunk->bits[bit / 8] >> (bit % 8)) & 1;
}

/* Walks ask it for each reference there is; many lead to the chunk that the
   last one did. */
static inline int
_Py_addrset_has(_Py_addrset *set, const void *address)
{
    if (set->used == 0) {
        return 0;
    }
    uintptr_t number = (uintptr_t)address >> _Py_ADDRSET_CHUNK_SHIFT;
    struct _Py_addrset_chunk *chunk = set->recent;
    if (chunk == NULL || chunk->number != number) {
        chunk = _Py_addrset_find(set, number);
    }
    return chunk != NULL && _Py_addrset_has_bit(chunk, address);
}

/* The same as _Py_addrset_has(), for a set that does not change any more, and
   that interpreters with a GIL each look into at the same time: nothing is
   written, not even where the last address was found. */
extern int _Py_addrset_has_shared(const _Py_addrset *set,
                                  const void *address);

/* A table of something else, in parts, one for each chunk of address space of
   this size.  A set is used either for this or for the above.

   size -- of a part, always the same; 0: do not create it.

   Returns the part for the chunk in which address is, owned by set, filled
   with zeros when it is created; NULL if it is not there, or for lack of
   memory (without an exception). */
#define _Py_ADDRSET_CHUNK ((uintptr_t)1 << _Py_ADDRSET_CHUNK_SHIFT)
extern void *_Py_addrset_chunk(_Py_addrset *set, uintptr_t address,
                               size_t size);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_ADDRSET_H */
