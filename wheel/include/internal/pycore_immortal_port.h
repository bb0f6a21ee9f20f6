/* The extension's port: the pin's, but for what its interpreter does not do
   by itself. */

#ifndef IMMORTAL_HEAP_PORT_H
#define IMMORTAL_HEAP_PORT_H

#include_next <pycore_immortal_port.h>

/* Let reports of exceptions in finalizers be left out, or not any more. */
extern void glue_set_quiet(int on);
#define _PyPort_SetQuiet(on) glue_set_quiet(on)

/* Closing a buffered file that a stopped thread is at work with is a fatal
   error of stock's while it finalizes.  It lets such a file be. */
extern int glue_is_file_locked(PyObject *op);
#define _PyPort_IsFileLocked(op) glue_is_file_locked(op)

/* Stock's PyErr_CheckSignals() knows nothing of files. */
#undef _PyPort_CHECKS_FILES
#define _PyPort_CHECKS_FILES 0

/* Nor does anything come after modules were cleared. */
#undef _PyPort_RELEASES_REST
#define _PyPort_RELEASES_REST 0

#endif   /* !IMMORTAL_HEAP_PORT_H */
