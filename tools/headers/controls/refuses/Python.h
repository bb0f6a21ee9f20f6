/* A broken header: not every standard has this keyword. */
#include_next <Python.h>
static inline void
broken_header_refuses(void)
{
    asm ("nop");
}
