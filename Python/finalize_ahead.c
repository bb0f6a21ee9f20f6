/* Finalization at shutdown: which objects are finalized before their turn.

   Where a finalizer goes on waiting (finalize_early.c), for the end of

   - a process that reads what a file of ours feeds: that file is closed;
   - what it has dropped, and is immortal: that is finalized
     (finalize_dropped.c);
   - its own write to a full pipe, if it is a file itself: all other finalizers
     ran by then, so whoever could read from it is gone, or is to be told that
     nobody will, by closing the other end. */

#include "Python.h"
#include "pycore_fileutils.h"     // _Py_fstat_noraise()
#include "pycore_finalize_watch.h"
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_pystate.h"       // _PyInterpreterState_GET()

#ifdef HAVE_FCNTL_H
#  include <fcntl.h>
#endif
#include <sys/stat.h>

/* Is fd an end of a pipe, or of a socket, that can be written to, or read
   from? */
static int
is_end(int fd, int reads)
{
#if defined(HAVE_FCNTL_H) && defined(S_ISFIFO) && defined(S_ISSOCK)
    struct _Py_stat_struct status;
    if (fd < 0 || _Py_fstat_noraise(fd, &status) < 0) {
        return 0;
    }
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 &&
        (flags & O_ACCMODE) != (reads ? O_WRONLY : O_RDONLY) &&
        (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
#else
    return 0;
#endif
}

static int
descriptor_of(PyObject *op)
{
    int fd = PyObject_AsFileDescriptor(op);
    PyErr_Clear();
    return fd;
}

static int
is_used(int fd, const _Py_finalize_used *used)
{
    for (int i = 0; i < used->n; i++) {
        if (used->fds[i] == fd) {
            return 1;
        }
    }
    return 0;
}

/* May op, a file, be closed?

   waiting -- the finalizer of this object waits.
   used    -- for these. */
static int
can_close(PyObject *op, PyObject *waiting, int all,
          const _Py_finalize_used *used)
{
    int writes = waiting != NULL && _PyFinalize_IsPlainFile(waiting);
    if (!_PyFinalize_IsPlainFile(op) && !writes) {
        return 0;
    }
    int fd = descriptor_of(op);
    if (is_used(fd, used)) {
        return 0;
    }
    return is_end(fd, 0) || (writes && is_end(fd, 1)) ||
        (all && _PyFinalize_IsPlainFile(op));
}

/* May op have been dropped, without anything having come of it? */
static int
may_be_dropped(PyObject *op)
{
    return _Py_IsImmortal(op) && !_PyFinalize_IsPlainFile(op);
}

/* Only a call that goes on may hold what it uses, out of sight: on 3.11, the
   evaluation stack. */
static int
uses(PyObject *op, const _Py_finalize_used *used)
{
    return used->n > 0 && is_used(descriptor_of(op), used);
}

static void
finalize_dropped(_Py_finalize_order *order, PyObject *waiting,
                 const _Py_finalize_used *used,
                 void (*finalize)(void *, PyObject *), void *arg)
{
    _Py_addrset alive = {0};
    if (_PyFinalize_FindAlive(_PyInterpreterState_GET(), waiting,
                              &alive) < 0)
    {
        _Py_addrset_clear(&alive);
        return;
    }
    for (Py_ssize_t i = order->objects.size - 1; i >= order->streams; i--) {
        PyObject *op = _PyFinalize_TakeObject(order, i);
        if (op != NULL && may_be_dropped(op) &&
            !_Py_addrset_has(&alive, op) && !uses(op, used))
        {
            finalize(arg, op);
        }
        Py_XDECREF(op);
    }
    _Py_addrset_clear(&alive);
}

void
_PyFinalize_Ahead(_Py_finalize_order *order, PyObject *waiting, int all,
                  const _Py_finalize_used *used,
                  void (*finalize)(void *, PyObject *), void *arg)
{
    finalize_dropped(order, waiting, used, finalize, arg);
    for (Py_ssize_t i = order->objects.size - 1; i >= order->streams; i--) {
        PyObject *op = _PyFinalize_TakeObject(order, i);
        if (op != NULL && op != waiting &&
            can_close(op, waiting, all, used))
        {
            finalize(arg, op);
        }
        Py_XDECREF(op);
    }
}

void
_PyFinalize_MayGoAhead(_Py_finalize_order *order, _Py_finalize_ahead *may)
{
    int pipes = 0, dropped = 0, files = 0, others = 0;
    for (Py_ssize_t i = order->objects.size - 1;
         i >= order->streams && !(pipes && files + others > 1); i--)
    {
        /* To ask a file for its descriptor may run code of the user's. */
        PyObject *op = _PyFinalize_TakeObject(order, i);
        if (op == NULL) {
            continue;
        }
        if (!_PyFinalize_IsPlainFile(op)) {
            others++;
            dropped |= may_be_dropped(op);
        }
        else {
            files++;
            pipes = pipes || is_end(descriptor_of(op), 0);
        }
        Py_DECREF(op);
    }
    int several = files + others > 1;
    may->pipes = pipes && several;
    may->dropped = dropped && others > 1;
    may->files = files > 0 && (others > 0 || (pipes && several));
}
