/* Finalization at shutdown: the files that a finalizer waits for.

   A finalizer that waits may do so for files of its own (finalize_early.c).
   The kernel tells in which system call it waits, and with which arguments.
   Most have one descriptor; those that wait for several have a pointer to
   them, into memory that may be gone by now.  So it is read as a file.  What
   an epoll object waits for is another file. */

#include "Python.h"
#include "pycore_finalize_watch.h"

#ifdef __linux__
#  include <fcntl.h>
#  include <poll.h>
#  include <sys/epoll.h>
#  include <sys/select.h>
#  include <sys/syscall.h>
#  include <unistd.h>
#endif

#ifdef __linux__

/* Copy memory of this process; returns how many bytes were there. */
static size_t
read_memory(unsigned long address, void *buffer, size_t size)
{
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, buffer, size, (off_t)address);
    if (fd >= 0) {
        close(fd);
    }
    return (size_t)Py_MAX(n, 0);
}

static void
add(_Py_finalize_used *used, int fd)
{
    if (fd >= 0 && used->n < _Py_FINALIZE_MAX_USED) {
        used->fds[used->n++] = fd;
    }
}

static void
add_polled(_Py_finalize_used *used, unsigned long address, unsigned long n)
{
    struct pollfd polled[_Py_FINALIZE_MAX_USED];
    size_t size = Py_MIN(n, _Py_FINALIZE_MAX_USED) * sizeof(polled[0]);
    n = read_memory(address, polled, size) / sizeof(polled[0]);
    for (unsigned long i = 0; i < n; i++) {
        add(used, polled[i].fd);
    }
}

/* address -- of a set of those below n, or 0. */
static void
add_selected(_Py_finalize_used *used, unsigned long address, unsigned long n)
{
    fd_set set;
    FD_ZERO(&set);
    if (address == 0) {
        return;
    }
    size_t bits = 8 * sizeof(long);
    size_t size = (n + bits - 1) / bits * sizeof(long);
    (void)read_memory(address, &set, Py_MIN(size, sizeof(set)));
    for (int i = 0; i < FD_SETSIZE; i++) {
        if (FD_ISSET(i, &set)) {
            add(used, i);
        }
    }
}

static int
can_read(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
}

/* Whoever waits for the end of a pipe that it writes to to be readable only
   wants to be told when nobody reads (asyncio does). */
static void
add_epolled(_Py_finalize_used *used, unsigned long epoll)
{
    char path[64], line[128];
    PyOS_snprintf(path, sizeof(path), "/proc/self/fdinfo/%lu", epoll);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        int fd;
        unsigned events;
        if (sscanf(line, "tfd: %d events: %x", &fd, &events) == 2 &&
            ((events & EPOLLOUT) || can_read(fd)))
        {
            add(used, fd);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}

void
_PyFinalize_FindUsed(const _Py_finalize_syscall *call,
                     _Py_finalize_used *used)
{
    const unsigned long *args = call->args;
    used->n = 0;
    switch (call->number) {
    case -1:
    case SYS_waitid:        /* what comes first is a number of another kind */
#ifdef SYS_wait4
    case SYS_wait4:
#endif
        break;
#ifdef SYS_poll
    case SYS_poll:
#endif
#ifdef SYS_ppoll
    case SYS_ppoll:
#endif
        add_polled(used, args[0], args[1]);
        break;
#ifdef SYS_select
    case SYS_select:
#endif
#ifdef SYS__newselect
    case SYS__newselect:
#endif
#ifdef SYS_pselect6
    case SYS_pselect6:
#endif
        for (int i = 1; i < 4; i++) {
            add_selected(used, args[i], args[0]);
        }
        break;
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
#ifdef SYS_epoll_pwait2
    case SYS_epoll_pwait2:
#endif
        add_epolled(used, args[0]);
        break;
    default:
        add(used, args[0] <= INT_MAX ? (int)args[0] : -1);
    }
}

#else   /* the kernel does not tell */

void
_PyFinalize_FindUsed(const _Py_finalize_syscall *Py_UNUSED(call),
                     _Py_finalize_used *used)
{
    used->n = 0;
}

#endif
