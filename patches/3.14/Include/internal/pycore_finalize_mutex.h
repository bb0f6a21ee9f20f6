/* Finalization at shutdown: a PyMutex that a stopped thread may hold. */

#ifndef Py_INTERNAL_FINALIZE_MUTEX_H
#define Py_INTERNAL_FINALIZE_MUTEX_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_finalize_wait.h" // _PyFinalize_CheckWait()
#include "pycore_lock.h"          // PyMutex_IsLocked()

/* Lock mutex; for one that is held while its owner asks for the GIL.  Returns
   0, or -1 with PythonFinalizationError set: a thread that was stopped at
   shutdown holds it. */
static inline int
_PyFinalize_LockMutex(PyMutex *mutex)
{
    if (PyMutex_IsLocked(mutex) && _PyFinalize_CheckWait("lock") < 0) {
        return -1;
    }
    PyMutex_Lock(mutex);
    return 0;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_FINALIZE_MUTEX_H */
