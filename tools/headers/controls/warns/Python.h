/* A broken header: it makes a compiler warn that is asked to. */
#include_next <Python.h>
static inline int
broken_header_warns(int number)
{
    return number < sizeof(number);
}
