/* A str key found by its characters; part of dictobject.c, whose walk through
   a table it does.  Declared and described in pycore_interned.h. */

PyObject *
_PyDict_FindASCII(PyObject *dict, const char *chars, Py_ssize_t size,
                  Py_hash_t hash)
{
    PyDictKeysObject *keys = ((PyDictObject *)dict)->ma_keys;
    PyDictUnicodeEntry *entries = DK_UNICODE_ENTRIES(keys);
    size_t mask = DK_MASK(keys);
    size_t perturb = hash;
    size_t i = (size_t)hash & mask;
    Py_ssize_t ix;
    while ((ix = dictkeys_get_index(keys, i)) != DKIX_EMPTY) {
        if (ix >= 0) {
            PyObject *key = entries[ix].me_key;
            if (_PyASCIIObject_CAST(key)->hash == hash &&
                _PyInterned_IsASCII(key, chars, size))
            {
                return key;
            }
        }
        perturb >>= PERTURB_SHIFT;
        i = mask & (i*5 + perturb + 1);
    }
    return NULL;
}
