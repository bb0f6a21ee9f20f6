/* Walks over what dictionaries and their keys hold. */

#ifndef Py_INTERNAL_DICT_WALKS_H
#define Py_INTERNAL_DICT_WALKS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_dict.h"          // DK_ENTRIES()

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

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_DICT_WALKS_H */
