/* The port: what each interpreter knows of static types. */

#include "Python.h"
#include "pycore_immortal_port.h" // _PyImmortal_StaticState()
#include "pycore_pystate.h"       // _PyInterpreterState_GET()
#include "pycore_typeobject.h"    // _PyStaticType_GetState()

managed_static_type_state *
_PyImmortal_StaticState(PyTypeObject *type)
{
    if (!(type->tp_flags & _Py_TPFLAGS_STATIC_BUILTIN)) {
        return NULL;
    }
    return _PyStaticType_GetState(_PyInterpreterState_GET(), type);
}
