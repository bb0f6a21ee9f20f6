/* Line numbers that tracebacks asked for lately: Python/recent_lines.c. */

#ifndef Py_INTERNAL_RECENT_LINES_H
#define Py_INTERNAL_RECENT_LINES_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

/* PyCode_Addr2Line(), remembered.  The GIL must be held: what reports crashes
   has to call PyCode_Addr2Line() itself. */
extern int _PyCode_RecentLine(PyCodeObject *code, int addrq);

/* code is about to be freed: another may come to lie where it was. */
extern void _PyCode_ForgetLines(PyCodeObject *code);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_RECENT_LINES_H */
