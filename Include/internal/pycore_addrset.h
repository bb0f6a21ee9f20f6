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

typedef struct {
    struct _Py_addrset_chunk *table;
    size_t mask;
    size_t used;
    struct _Py_addrset_chunk *recent;
} _Py_addrset;

/* 1 if address was added, 0 if it was there, -1 for lack of memory. */
extern int _Py_addrset_add(_Py_addrset *set, const void *address);
extern int _Py_addrset_has(_Py_addrset *set, const void *address);
extern void _Py_addrset_discard(_Py_addrset *set, const void *address);
extern void _Py_addrset_clear(_Py_addrset *set);

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
#define _Py_ADDRSET_CHUNK ((uintptr_t)1 << 16)
extern void *_Py_addrset_chunk(_Py_addrset *set, uintptr_t address,
                               size_t size);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_ADDRSET_H */
