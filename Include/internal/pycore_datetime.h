/* What objects of the datetime module hold.  The collector does not know any
   of its types, and these declare no members. */

#ifndef Py_INTERNAL_DATETIME_H
#define Py_INTERNAL_DATETIME_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

/* Was the module imported?  It is not imported for this.

   modules -- sys.modules, or NULL. */
extern int _PyDatetime_Find(PyObject *modules);

/* Call visit(referent, arg) for each object that op holds, if op is a
   datetime, a time or a timezone.  The last _PyDatetime_Find() must have found
   the module.  Returns 0, or -1 for lack of memory (without an exception). */
extern int _PyDatetime_Visit(PyObject *op, void (*visit)(PyObject *, void *),
                             void *arg);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_DATETIME_H */
