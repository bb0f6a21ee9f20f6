/* The method cache: four places for each hash of a type and a name.

   Stock CPython has one.  Programs that use a few thousand methods and
   attributes of classes have pairs of them that share a place, and each such
   lookup goes through the dictionaries of the class and of all its bases and
   throws the other out.  With four places, in as much memory, few lookups do
   (docs/tried.md has the numbers of Django's pages, docutils and
   SQLAlchemy).

   The places for a hash follow each other; the one that was used last comes
   first.  An entry owns its name and borrows its value, wherever it stands. */

#ifndef Py_INTERNAL_METHOD_CACHE_H
#define Py_INTERNAL_METHOD_CACHE_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_typeobject.h"    // struct type_cache

#define _Py_METHOD_CACHE_PLACES 4

/* The first of the places for a hash. */
static inline struct type_cache_entry *
_PyMethodCache_Places(struct type_cache *cache, unsigned int hash)
{
    unsigned int i = hash * _Py_METHOD_CACHE_PLACES;
    return &cache->hashtable[i & ((1 << MCACHE_SIZE_EXP) - 1)];
}

/* Exchange the places of entries so that the i-th comes first and the ones
   before it follow in their order. */
static inline void
_PyMethodCache_ToFront(struct type_cache_entry *places, int i)
{
    struct type_cache_entry entry = places[i];
    for (; i > 0; i--) {
        places[i] = places[i - 1];
    }
    places[0] = entry;
}

/* Is there an entry for name in that version of a type?  If so, it is the
   first from now on. */
static inline int
_PyMethodCache_Find(struct type_cache_entry *places, unsigned int version,
                    PyObject *name)
{
    for (int i = 0; i < _Py_METHOD_CACHE_PLACES; i++) {
        if (places[i].version == version && places[i].name == name) {
            if (i > 0) {
                _PyMethodCache_ToFront(places, i);
            }
            return 1;
        }
    }
    return 0;
}

/* Make room for an entry: the first of the places, with what was used the
   longest time ago, to be overwritten. */
static inline struct type_cache_entry *
_PyMethodCache_MakeRoom(struct type_cache_entry *places)
{
    _PyMethodCache_ToFront(places, _Py_METHOD_CACHE_PLACES - 1);
    return places;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_METHOD_CACHE_H */
