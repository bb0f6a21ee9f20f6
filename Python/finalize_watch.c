/* Finalization at shutdown: waits in C.

   A library may wait for a mutex of its own, which a stopped thread has taken
   with it: a database whose thread was in the middle of a query, in a callback
   of Python's.  Such a wait cannot be seen before it begins, and not be ended.

   So where there were other threads, one more, which runs no Python code,
   watches the thread that finalizes.  If it stays in one and the same wait, of
   a kind that has no timeout, while nothing in the process uses any processor
   time, it is given up after some seconds: the watching thread takes over,
   says so on stderr, runs the finalizers that are left, and ends the process
   with its exit status.  That needs what Linux tells of a thread, and an exit
   status, which an application that embeds the interpreter has not got.

   The same thread looks for a finalizer that waits for files to be closed
   (finalize_early.c). */

#include "Python.h"
#include "pycore_finalize_watch.h"
#include "pycore_immortal_heap.h" // _PyImmortalHeap_DoesProcessEnd()
#include "pycore_immortal_port.h" // _PyPort_IsGILTaken()
#include "pycore_initconfig.h"
#include "pycore_interp.h"
#include "pycore_pylifecycle.h"
#include "pycore_pystate.h"
#include "pycore_runtime.h"

#ifdef __linux__
#  include <fcntl.h>
#  include <stdatomic.h>
#  include <sys/syscall.h>
#  include <time.h>
#  include <unistd.h>
#endif

#if defined(__linux__) && defined(SYS_futex) && \
    defined(PY_HAVE_THREAD_NATIVE_ID)

/* Looks, and how many of them have to find the same wait: five seconds the
   first time; then the process has met with it once already. */
#define INTERVAL_US 250000
#define PATIENCE 20
#define LITTLE_PATIENCE 6

/* The processor time that a look takes, and then some. */
#define IDLE_NS 20000000

static int exit_status = -1;        /* -1: the process does not end */
static int met = 0;                 /* was such a wait given up already? */

/* What a watching thread is given.  It does not change, and is never freed:
   that thread may be about to look at it. */
struct watch {
    PyThread_type_lock going_on;    /* held while it is to watch */
    PyThread_type_lock hand_over;   /* who gets it goes on, and keeps it */
    unsigned long thread;           /* native id of the watched one */
    PyThreadState *tstate;          /* and its state */
    void (*take_over)(PyThreadState *, void *);
    void *arg;
    int patience;
    int takes_over;                 /* may it? */
    atomic_int closes;              /* are there files to be closed? */
};

/* The last one that was begun, and whether it was ended.  Only whoever
   finalizes looks at these. */
static struct watch *latest = NULL;
static int ended = 0;

void
_PyFinalize_SetExitStatus(int status)
{
    if (_PyImmortalHeap_DoesProcessEnd()) {
        exit_status = status;
    }
}

/* What the kernel tells of it; all empty if it does not. */
struct told {
    char syscall[256];      /* its number, arguments, and two registers */
    char schedstat[64];     /* how long it ran, and how often, among others */
};

/* Read /proc/self/task/THREAD/name into buffer. */
static void
read_file(const struct watch *w, const char *name, char *buffer, size_t size)
{
    char path[64];
    buffer[0] = '\0';
    PyOS_snprintf(path, sizeof(path), "/proc/self/task/%lu/%s", w->thread,
                  name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, buffer, size - 1);
        close(fd);
        buffer[Py_MAX(n, 0)] = '\0';
    }
}

static void
look(const struct watch *w, _Py_finalize_syscall *call, struct told *told)
{
    memset(call, 0, sizeof(*call));
    read_file(w, "syscall", told->syscall, sizeof(told->syscall));
    read_file(w, "schedstat", told->schedstat, sizeof(told->schedstat));
    unsigned long *args = call->args;
    if (sscanf(told->syscall, "%ld %lx %lx %lx %lx", &call->number, &args[0],
               &args[1], &args[2], &args[3]) != 5)
    {
        call->number = -1;      /* it runs */
    }
}

/* Does it wait for a futex without a timeout? */
static int
is_endless(const _Py_finalize_syscall *call)
{
    return call->number == SYS_futex && call->args[3] == 0;
}

static int64_t
processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void _Py_NO_RETURN
end_process(int status)
{
    fflush(stdout);
    fflush(stderr);
    _exit(status);
}

/* Take over, unless the watched thread has just come to the end by itself. */
static void
give_up(const struct watch *w)
{
    static const char message[] =
        "Python: a finalizer waits for a lock that a thread which was stopped "
        "at shutdown may hold; ";
    PyThreadState *tstate = NULL;
    if (!PyThread_acquire_lock(w->hand_over, NOWAIT_LOCK)) {
        return;
    }
    PyInterpreterState *interp = w->tstate->interp;
    met = 1;
    if (!_PyPort_IsGILTaken(interp)) {
        tstate = PyThreadState_New(interp);
    }
    if (tstate == NULL) {
        fprintf(stderr, "%sit keeps the GIL, and the process ends without the "
                "finalizers that are left\n", message);
        end_process(exit_status);
    }
    fprintf(stderr, "%sit is left alone, the others go on\n", message);
    fflush(stderr);
    /* After this the other thread ends when it asks for the GIL. */
    _PyPort_TakeOver(w->tstate, tstate);
    w->take_over(tstate, w->arg);
    end_process(exit_status);
}

static void
watch(void *arg)
{
    struct watch *w = arg;
    struct told before = {.syscall = ""}, now;
    _Py_finalize_syscall call;
    _Py_finalize_seen seen = {0};
    int64_t used_before = 0;
    int same = 0;
    while (PyThread_acquire_lock_timed(w->going_on, INTERVAL_US, 0) !=
           PY_LOCK_ACQUIRED)
    {
        look(w, &call, &now);
        int64_t used = processor_time();
        int idle = used - used_before < IDLE_NS;
        int has_run = strcmp(now.schedstat, before.schedstat) != 0;
        same = idle && call.number >= 0 &&
            strcmp(now.syscall, before.syscall) == 0 ? same + 1 : 0;
        if (w->takes_over && is_endless(&call) && same >= w->patience) {
            give_up(w);
            return;
        }
        if (atomic_load(&w->closes)) {
            _PyFinalize_LookAtFiles(&seen, w->thread, idle, has_run, &call);
        }
        before = now;
        used_before = used;
    }
}

static void
begin(PyThreadState *tstate, void (*function)(PyThreadState *, void *),
      void *arg, int closes)
{
    struct watch *w = PyMem_RawCalloc(1, sizeof(*w));
    if (w == NULL || (w->going_on = PyThread_allocate_lock()) == NULL ||
        (w->hand_over = PyThread_allocate_lock()) == NULL)
    {
        return;
    }
    PyThread_acquire_lock(w->going_on, WAIT_LOCK);
    w->thread = PyThread_get_thread_native_id();
    w->tstate = tstate;
    w->take_over = function;
    w->arg = arg;
    w->patience = met ? LITTLE_PATIENCE : PATIENCE;
    w->takes_over = function != NULL;
    atomic_init(&w->closes, closes);
    latest = w;
    ended = 0;
    (void)PyThread_start_new_thread(watch, w);
}

void
_PyFinalize_BeginWatch(PyThreadState *tstate,
                       void (*function)(PyThreadState *, void *), void *arg)
{
    if (exit_status >= 0 && tstate->interp->threads.next_unique_id > 1) {
        begin(tstate, function, arg, 0);
    }
}

/* Is the calling thread the watched one? */
static int
is_watched(void)
{
    return latest != NULL && !ended &&
        latest->thread == PyThread_get_thread_native_id();
}

void
_PyFinalize_WatchForFiles(PyThreadState *tstate)
{
    if (is_watched()) {
        atomic_store(&latest->closes, 1);
    }
    else {
        begin(tstate, NULL, NULL, 1);
    }
}

void
_PyFinalize_EndWatch(void)
{
    if (!is_watched()) {
        return;
    }
    if (!PyThread_acquire_lock(latest->hand_over, NOWAIT_LOCK)) {
        /* Too late.  The other thread waits for the GIL. */
        (void)PyEval_SaveThread();
        for (;;) {
            pause();
        }
    }
    ended = 1;
    PyThread_release_lock(latest->going_on);
}

#else   /* what the thread waits for is not to be known */

void
_PyFinalize_SetExitStatus(int Py_UNUSED(status))
{
}

void
_PyFinalize_BeginWatch(PyThreadState *Py_UNUSED(tstate),
                       void (*Py_UNUSED(function))(PyThreadState *, void *),
                       void *Py_UNUSED(arg))
{
}

void
_PyFinalize_EndWatch(void)
{
}

void
_PyFinalize_WatchForFiles(PyThreadState *Py_UNUSED(tstate))
{
}

#endif
