/* The extension's port: the pin's, but for what its interpreter does not do by itself. */

#ifndef IMMORTAL_HEAP_PORT_H
#define IMMORTAL_HEAP_PORT_H

#include_next <pycore_immortal_port.h>

/* Let reports of exceptions in finalizers be left out, or not any more. */
extern void glue_set_quiet(int on);
#define _PyPort_SetQuiet(on) glue_set_quiet(on)

#endif   /* !IMMORTAL_HEAP_PORT_H */
