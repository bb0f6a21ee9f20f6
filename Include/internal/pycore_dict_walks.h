/* Walks over what dictionaries and their keys hold; a look for one value. */

#ifndef Py_INTERNAL_DICT_WALKS_H
#define Py_INTERNAL_DICT_WALKS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_dict.h"          // DK_ENTRIES()
#include "pycore_immortal_port.h" // _PyPort_GetItemString()

/* Called for what is held, which may be NULL. */
typedef void (*_PyDictWalk_visitor)(PyObject *, void *);

/* Keys, and the values that are stored with them. */
static inline Py_ALWAYS_INLINE void
_PyDictWalk_Keys(PyDictKeysObject *keys, _PyDictWalk_visitor visit, void *arg)
{
    Py_ssize_t n = keys->dk_nentries;
    if (DK_IS_UNICODE(keys)) {
        PyDictUnicodeEntry *entry = DK_UNICODE_ENTRIES(keys);
        for (; --n >= 0; entry++) {
            visit(entry->me_key, arg);
            visit(entry->me_value, arg);
        }
    }
    else {
        PyDictKeyEntry *entry = DK_ENTRIES(keys);
        for (; --n >= 0; entry++) {
            visit(entry->me_key, arg);
            visit(entry->me_value, arg);
        }
    }
}

static inline Py_ALWAYS_INLINE void
_PyDictWalk_Dict(PyDictObject *mp, _PyDictWalk_visitor visit, void *arg)
{
    _PyDictWalk_Keys(mp->ma_keys, visit, arg);
    if (mp->ma_values != NULL) {
        for (Py_ssize_t i = 0; i < mp->ma_keys->dk_nentries; i++) {
            visit(mp->ma_values->values[i], arg);
        }
    }
}

/* Call visit(slot, arg) for where mp keeps its values; *slot may be NULL, and
   may be replaced.  Nothing that visit does may change mp otherwise. */
static inline Py_ALWAYS_INLINE void
_PyDictWalk_Slots(PyDictObject *mp, void (*visit)(PyObject **, void *),
                  void *arg)
{
    PyDictKeysObject *keys = mp->ma_keys;
    for (Py_ssize_t i = 0; i < keys->dk_nentries; i++) {
        visit(mp->ma_values != NULL ? &mp->ma_values->values[i] :
              DK_IS_UNICODE(keys) ? &DK_UNICODE_ENTRIES(keys)[i].me_value :
              &DK_ENTRIES(keys)[i].me_value, arg);
    }
}

/* What dict has under the key name, which is ASCII; borrowed, NULL if there is
   none.  Never fails: without memory for a string of that name, it goes from
   one key to the next.  An exception that is set stays. */
static inline PyObject *
_PyDictWalk_Find(PyObject *dict, const char *name)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *found = _PyPort_GetItemString(dict, name);
    if (found == NULL && PyErr_Occurred()) {
        PyObject *key, *item;
        Py_ssize_t pos = 0;
        while (found == NULL && PyDict_Next(dict, &pos, &key, &item)) {
            if (PyUnicode_CheckExact(key) &&
                PyUnicode_CompareWithASCIIString(key, name) == 0)
            {
                found = item;
            }
        }
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
    return found;
}

/* The entry that a table of keys has at slot i; less than 0: none. */
static inline Py_ssize_t
_PyDictWalk_Entry(PyDictKeysObject *keys, size_t i)
{
    switch (keys->dk_log2_index_bytes - keys->dk_log2_size) {
        case 0:
            return ((int8_t *)keys->dk_indices)[i];
        case 1:
            return ((int16_t *)keys->dk_indices)[i];
        case 2:
            return ((int32_t *)keys->dk_indices)[i];
        default:
            return (Py_ssize_t)((int64_t *)keys->dk_indices)[i];
    }
}

/* In which slots of a table a key with a hash may be, in the order in which
   Objects/dictobject.c tries them. */
typedef struct {
    size_t slot;
    size_t perturb;
    size_t mask;
} _PyDictWalk_probe;

static inline _PyDictWalk_probe
_PyDictWalk_FirstSlot(PyDictKeysObject *keys, Py_hash_t hash)
{
    size_t mask = ((size_t)1 << keys->dk_log2_size) - 1;
    return (_PyDictWalk_probe){(size_t)hash & mask, (size_t)hash, mask};
}

static inline void
_PyDictWalk_NextSlot(_PyDictWalk_probe *probe)
{
    probe->perturb >>= 5;       /* PERTURB_SHIFT */
    probe->slot = (probe->slot * 5 + probe->perturb + 1) & probe->mask;
}

/* What mp has under key, an exact str, borrowed, or NULL; *index says in which
   of its entries.  Calls nothing and writes nothing: neither a hash that is
   not known, nor a reference count. */
static inline PyObject *
_PyDictWalk_Index(PyDictObject *mp, PyObject *key, Py_ssize_t *index)
{
    PyDictKeysObject *keys = mp->ma_keys;
    Py_hash_t hash = ((PyASCIIObject *)key)->hash;
    if (hash == -1) {
        return NULL;
    }
    _PyDictWalk_probe probe = _PyDictWalk_FirstSlot(keys, hash);
    Py_ssize_t n;
    while ((n = _PyDictWalk_Entry(keys, probe.slot)) != DKIX_EMPTY) {
        PyObject *other = NULL, *value = NULL;
        if (n >= 0 && DK_IS_UNICODE(keys)) {
            other = DK_UNICODE_ENTRIES(keys)[n].me_key;
            value = mp->ma_values != NULL ? mp->ma_values->values[n] :
                DK_UNICODE_ENTRIES(keys)[n].me_value;
        }
        else if (n >= 0) {
            other = DK_ENTRIES(keys)[n].me_key;
            value = DK_ENTRIES(keys)[n].me_value;
        }
        if (other == key ||
            (other != NULL && PyUnicode_CheckExact(other) &&
             ((PyASCIIObject *)other)->hash == hash &&
             PyUnicode_Compare(other, key) == 0))
        {
            *index = n;
            return value;
        }
        _PyDictWalk_NextSlot(&probe);
    }
    return NULL;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_DICT_WALKS_H */
