/* Superinstructions that borrow the object whose attribute or item they get
   or set.
   See Python/ceval_borrow.h, of which this is the second half. */

/* The cache of the attribute instruction after offset loads. */
#define ATTR_CACHE(offset) \
    _PyAttrCache *cache = (_PyAttrCache *)(next_instr + 1 + (offset)); \
    ONLY_LOAD_IF(FAST, \
                 Py_TYPE(owner)->tp_version_tag != read_u32(cache->version))

#define FIND_INSTANCE_VALUE() \
    PyDictValues *values = *_PyObject_ValuesPointer(owner); \
    ONLY_LOAD_IF(FAST, values == NULL); \
    PyObject *res = values->values[cache->index]; \
    ONLY_LOAD_IF(FAST, res == NULL)

#define FIND_SLOT() \
    PyObject *res = *(PyObject **)((char *)owner + cache->index); \
    ONLY_LOAD_IF(FAST, res == NULL)

#define LOAD_ATTR_FORMS(FORM) \
    TARGET(LOAD_FAST__LOAD_ATTR_##FORM) { \
        BORROW_LOCAL(LOAD_ATTR_##FORM); \
        PyObject *owner = right; \
        ATTR_CACHE(0); \
        FIND_##FORM(); \
        BORROW_START(LOAD_ATTR_##FORM); \
        STAT_INC(LOAD_ATTR, hit); \
        Py_INCREF(res); \
        PUSH(res); \
        JUMPBY(INLINE_CACHE_ENTRIES_LOAD_ATTR); \
        DISPATCH(); \
    } \
    TARGET(LOAD_FAST__LOAD_FAST__LOAD_ATTR_##FORM) { \
        BORROW_LOCALS(LOAD_ATTR_##FORM); \
        PyObject *owner = right; \
        ATTR_CACHE(1); \
        FIND_##FORM(); \
        PAIR_START(LOAD_ATTR_##FORM); \
        STAT_INC(LOAD_ATTR, hit); \
        Py_INCREF(left); \
        PUSH(left); \
        Py_INCREF(res); \
        PUSH(res); \
        JUMPBY(INLINE_CACHE_ENTRIES_LOAD_ATTR); \
        DISPATCH(); \
    }

        LOAD_ATTR_FORMS(INSTANCE_VALUE)
        LOAD_ATTR_FORMS(SLOT)

        TARGET(LOAD_FAST__LOAD_ATTR_WITH_HINT) {
            BORROW_LOCAL(LOAD_ATTR_WITH_HINT);
            PyObject *owner = right;
            ATTR_CACHE(0);
            PyDictObject *dict =
                *(PyDictObject **)_PyObject_ManagedDictPointer(owner);
            ONLY_LOAD_IF(FAST, dict == NULL);
            ONLY_LOAD_IF(FAST, !DK_IS_UNICODE(dict->ma_keys));
            ONLY_LOAD_IF(FAST, cache->index >=
                                    (size_t)dict->ma_keys->dk_nentries);
            PyDictUnicodeEntry *ep =
                DK_UNICODE_ENTRIES(dict->ma_keys) + cache->index;
            PyObject *res = ep->me_value;
            ONLY_LOAD_IF(FAST, res == NULL ||
                         ep->me_key != GETITEM(names, _Py_OPARG(*next_instr)));
            BORROW_START(LOAD_ATTR_WITH_HINT);
            STAT_INC(LOAD_ATTR, hit);
            PUSH(Py_NewRef(res));
            JUMPBY(INLINE_CACHE_ENTRIES_LOAD_ATTR);
            DISPATCH();
        }

/* Store value, whose reference is taken.  What was there before goes last:
   by then the owner may be gone. */

#define STORE_INSTANCE_VALUE() \
    do { \
        Py_ssize_t at = cache->index; \
        PyObject *old_value = values->values[at]; \
        values->values[at] = value; \
        STAT_INC(STORE_ATTR, hit); \
        JUMPBY(INLINE_CACHE_ENTRIES_STORE_ATTR); \
        if (old_value == NULL) { \
            _PyDictValues_AddToInsertionOrder(values, at); \
        } \
        else { \
            Py_DECREF(old_value); \
        } \
        DISPATCH(); \
    } while (0)

#define STORE_SLOT() \
    do { \
        char *addr = (char *)owner + cache->index; \
        PyObject *old_value = *(PyObject **)addr; \
        *(PyObject **)addr = value; \
        STAT_INC(STORE_ATTR, hit); \
        JUMPBY(INLINE_CACHE_ENTRIES_STORE_ATTR); \
        Py_XDECREF(old_value); \
        DISPATCH(); \
    } while (0)

        TARGET(LOAD_FAST__STORE_ATTR_INSTANCE_VALUE) {
            BORROW_LOCAL(STORE_ATTR_INSTANCE_VALUE);
            PyObject *owner = right;
            ATTR_CACHE(0);
            PyDictValues *values = *_PyObject_ValuesPointer(owner);
            ONLY_LOAD_IF(FAST, values == NULL);
            BORROW_START(STORE_ATTR_INSTANCE_VALUE);
            PyObject *value = POP();
            STORE_INSTANCE_VALUE();
        }

        TARGET(LOAD_FAST__STORE_ATTR_SLOT) {
            BORROW_LOCAL(STORE_ATTR_SLOT);
            PyObject *owner = right;
            ATTR_CACHE(0);
            BORROW_START(STORE_ATTR_SLOT);
            PyObject *value = POP();
            STORE_SLOT();
        }

        TARGET(LOAD_FAST__LOAD_FAST__STORE_ATTR_INSTANCE_VALUE) {
            BORROW_LOCALS(STORE_ATTR_INSTANCE_VALUE);
            PyObject *owner = right;
            ATTR_CACHE(1);
            PyDictValues *values = *_PyObject_ValuesPointer(owner);
            ONLY_LOAD_IF(FAST, values == NULL);
            PAIR_START(STORE_ATTR_INSTANCE_VALUE);
            PyObject *value = Py_NewRef(left);
            STORE_INSTANCE_VALUE();
        }

        TARGET(LOAD_FAST__LOAD_FAST__STORE_ATTR_SLOT) {
            BORROW_LOCALS(STORE_ATTR_SLOT);
            PyObject *owner = right;
            ATTR_CACHE(1);
            PAIR_START(STORE_ATTR_SLOT);
            PyObject *value = Py_NewRef(left);
            STORE_SLOT();
        }

        TARGET(LOAD_FAST__STORE_SUBSCR_LIST_INT) {
            BORROW_LOCAL(STORE_SUBSCR_LIST_INT);
            PyObject *list = TOP();
            ONLY_LOAD_IF(FAST, !PyLong_CheckExact(right));
            ONLY_LOAD_IF(FAST, !PyList_CheckExact(list));
            ONLY_LOAD_IF(FAST, (size_t)Py_SIZE(right) > 1);
            Py_ssize_t item = ((PyLongObject *)right)->ob_digit[0];
            ONLY_LOAD_IF(FAST, item >= PyList_GET_SIZE(list));
            BORROW_START(STORE_SUBSCR_LIST_INT);
            STAT_INC(STORE_SUBSCR, hit);
            JUMPBY(INLINE_CACHE_ENTRIES_STORE_SUBSCR);
            PyObject *old_value = PyList_GET_ITEM(list, item);
            PyList_SET_ITEM(list, item, SECOND());
            STACK_SHRINK(2);
            Py_DECREF(old_value);
            Py_DECREF(list);
            DISPATCH();
        }

/* Not yet a form, and no longer one. */

/* Once the instruction that follows, at next_instr[offset], has been
   specialised: be its form, or load without looking from now on. */
#define BECOME_FORM_OF(kind, offset) \
    do { \
        int form = _PyCode_BorrowForms[kind][_Py_OPCODE(next_instr[offset])]; \
        if (form) { \
            next_instr--; \
            _Py_SET_OPCODE(*next_instr, form); \
            DISPATCH_SAME_OPARG(); \
        } \
    } while (0)

        TARGET(LOAD_FAST_ADAPTIVE) {
            BECOME_FORM_OF(BORROW_FAST, 0);
            goto only_FAST;
        }

        TARGET(LOAD_CONST_ADAPTIVE) {
            BECOME_FORM_OF(BORROW_CONST, 0);
            goto only_CONST;
        }

        TARGET(LOAD_FAST__LOAD_FAST_ADAPTIVE) {
            BECOME_FORM_OF(BORROW_FAST_FAST, 1);
            PyObject *value = GETLOCAL(oparg);
            if (value == NULL) {
                goto unbound_local_error;
            }
            NEXTOPARG();
            next_instr++;
            Py_INCREF(value);
            PUSH(value);
            goto only_FAST;
        }

        TARGET(LOAD_FAST__LOAD_CONST_ADAPTIVE) {
            BECOME_FORM_OF(BORROW_FAST_CONST, 1);
            PyObject *value = GETLOCAL(oparg);
            if (value == NULL) {
                goto unbound_local_error;
            }
            NEXTOPARG();
            next_instr++;
            Py_INCREF(value);
            PUSH(value);
            goto only_CONST;
        }

unfuse_const:
        _Py_SET_OPCODE(next_instr[-1], LOAD_CONST_ADAPTIVE);
only_CONST:
        {
            PyObject *value = GETITEM(consts, oparg);
            Py_INCREF(value);
            PUSH(value);
            DISPATCH();
        }

unfuse_local_const:
        _Py_SET_OPCODE(next_instr[-1], LOAD_FAST__LOAD_CONST_ADAPTIVE);
        goto only_FAST;

unfuse_locals:
        _Py_SET_OPCODE(next_instr[-1], LOAD_FAST__LOAD_FAST_ADAPTIVE);
        goto only_FAST;

unfuse_local:
        _Py_SET_OPCODE(next_instr[-1], LOAD_FAST_ADAPTIVE);
only_FAST:
        {
            PyObject *value = GETLOCAL(oparg);
            if (value == NULL) {
                goto unbound_local_error;
            }
            Py_INCREF(value);
            PUSH(value);
            DISPATCH();
        }
