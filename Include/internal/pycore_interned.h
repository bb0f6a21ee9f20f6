/* To find an interned string by its characters.

   A name that C code gives as a char array is interned by making a string,
   looking for its equal and, as most often there is one, freeing what was
   made.  The hash of an ASCII string is that of its bytes, so its equal can be
   found before anything is made. */

#ifndef Py_INTERNAL_INTERNED_H
#define Py_INTERNAL_INTERNED_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

/* Is the str these ASCII characters? */
static inline int
_PyInterned_IsASCII(PyObject *str, const char *chars, Py_ssize_t size)
{
    return PyUnicode_GET_LENGTH(str) == size &&
           PyUnicode_IS_COMPACT_ASCII(str) &&
           memcmp(PyUnicode_1BYTE_DATA(str), chars, size) == 0;
}

/* The key of a dict that is the str of these ASCII characters, or NULL; a
   borrowed reference, and no error is ever set.  All keys of the dict have to
   be str and ready, as those of the dict of interned strings are.  hash is
   that of the characters as bytes. */
extern PyObject *_PyDict_FindASCII(PyObject *dict, const char *chars,
                                   Py_ssize_t size, Py_hash_t hash);

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
   error set, if there is none, and *hash is the hash of the characters as
   bytes. */
extern PyObject *_PyUnicode_InternedASCII(const char *chars, Py_ssize_t size,
                                          Py_hash_t *hash);

#ifdef __cplusplus
}
#endif
#endif /* !Py_INTERNAL_INTERNED_H */
