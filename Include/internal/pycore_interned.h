/* To find an interned string by its characters.

   A name that C code gives as a char array is interned by making a string,
   looking for its equal and, as most often there is one, freeing what was
   made.  The hash of an ASCII string is that of its bytes (unicode_hash()), so
   its equal can be found before anything is made. */

#ifndef Py_INTERNAL_INTERNED_H
#define Py_INTERNAL_INTERNED_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_dict.h"          // DK_UNICODE_ENTRIES()

/* PERTURB_SHIFT of dictobject.c.  In a debug build PyUnicode_InternFromString()
   looks for what it has interned, and does not find it if the two differ. */
#define _Py_INTERNED_PERTURB_SHIFT 5

/* What place i of a table of keys says: an entry, or a negative number.  As
   dictkeys_get_index() of dictobject.c. */
static inline Py_ssize_t
_PyInterned_Index(const PyDictKeysObject *keys, size_t i)
{
    switch (keys->dk_log2_index_bytes - keys->dk_log2_size) {
    case 0:
        return ((const int8_t *)keys->dk_indices)[i];
    case 1:
        return ((const int16_t *)keys->dk_indices)[i];
    case 2:
        return ((const int32_t *)keys->dk_indices)[i];
    default:
        return (Py_ssize_t)((const int64_t *)keys->dk_indices)[i];
    }
}

/* The key of a dict that is the str of these ASCII characters, or NULL; a
   borrowed reference, and no error is ever set.  All keys of the dict have to
   be str and ready, as those of the dict of interned strings are.  hash is
   _Py_HashBytes() of the characters. */
static inline PyObject *
_PyInterned_FindASCII(PyObject *interned, const char *chars, Py_ssize_t size,
                      Py_hash_t hash)
{
    PyDictKeysObject *keys = ((PyDictObject *)interned)->ma_keys;
    PyDictUnicodeEntry *entries = DK_UNICODE_ENTRIES(keys);
    size_t mask = DK_SIZE(keys) - 1;
    size_t perturb = hash;
    size_t i = (size_t)hash & mask;
    Py_ssize_t ix;
    while ((ix = _PyInterned_Index(keys, i)) != DKIX_EMPTY) {
        if (ix >= 0) {
            PyObject *key = entries[ix].me_key;
            if (_PyASCIIObject_CAST(key)->hash == hash &&
                PyUnicode_GET_LENGTH(key) == size &&
                PyUnicode_IS_COMPACT_ASCII(key) &&
                memcmp(PyUnicode_1BYTE_DATA(key), chars, size) == 0)
            {
                return key;
            }
        }
        perturb >>= _Py_INTERNED_PERTURB_SHIFT;
        i = mask & (i*5 + perturb + 1);
    }
    return NULL;
}

/* Give a new str the hash of its bytes, unless it is not ASCII, or has one:
   some are shared, and a write would copy a page after a fork. */
static inline void
_PyInterned_SetHash(PyObject *str, Py_hash_t hash)
{
    if (_PyASCIIObject_CAST(str)->hash == -1 && PyUnicode_IS_ASCII(str)) {
        _PyASCIIObject_CAST(str)->hash = hash;
    }
}

/* The interned str of these characters: a new reference; or NULL, with no
   error set, if there is none.  *hash is set to their _Py_HashBytes(). */
extern PyObject *_PyUnicode_InternedASCII(const char *chars, Py_ssize_t size,
                                          Py_hash_t *hash);

#ifdef __cplusplus
}
#endif
#endif /* !Py_INTERNAL_INTERNED_H */
