/* An application that starts and ends an interpreter again and again, and says
   how large it is.

   rounds HOW ROUNDS PYTHON [OPTION]

   HOW says what a round is (WAYS, below), ROUNDS how many there are, PYTHON
   the program whose library is used.  OPTION is a value for -X, as
   "immortal_heap=off".

   Each round prints the resident memory of the process in KiB: before
   Py_Initialize(), before Py_FinalizeEx(), and after it.  A Python finalizer
   that is lost, or runs twice, is an error.

   test.embedding_rounds compiles and runs it. */

#include <Python.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *python, *option = "rounds";
static long finalizers, before, during;

/* What an application does between start and end. */
static const char WORK[] =
    "import json, re, collections\n"
    "class Held:\n"
    "    def __del__(self, count=__import__('rounds').count): count()\n"
    "class Cycle(Held):\n"
    "    def __init__(self): self.me = self\n"
    "held, cycle = Held(), Cycle()\n"
    "data = [{'number': i, 'text': f'text {i}', 'pair': (i, str(i))}\n"
    "        for i in range(2000)]\n"
    "assert json.loads(json.dumps(data))[7]['number'] == 7\n"
    "assert re.compile('a+b').match('aaab')\n";

static const char IMMORTAL[] =
    "import gc\n"
    "getattr(gc, 'immortalize_heap', gc.freeze)()\n"
    "after = [Held(), Cycle()]\n";

static const char THREADS[] =
    "import threading\n"
    "def work(n):\n"
    "    for i in range(n): {i: [str(i)]}\n"
    "threads = [threading.Thread(target=work, args=(500,))\n"
    "           for _ in range(4)]\n"
    "for t in threads: t.start()\n"
    "for t in threads: t.join()\n"
    "wait = threading.Event().wait\n"
    "threading.Thread(target=wait, daemon=True).start()\n";

static void
fail(const char *what)
{
    fprintf(stderr, "rounds: %s\n", what);
    if (Py_IsInitialized() && PyErr_Occurred()) {
        PyErr_Print();
    }
    exit(1);
}

static PyObject *
count(PyObject *self, PyObject *unused)
{
    finalizers++;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"count", count, METH_NOARGS, NULL},
    {NULL}};

/* The module has no state that interpreters could share. */
static PyModuleDef_Slot slots[] = {
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL}};
static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "rounds", NULL, 0, methods, slots, NULL, NULL,
    NULL};

static PyObject *
init_rounds(void)
{
    return PyModuleDef_Init(&definition);
}

static long
resident(void)
{
    long size, pages;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%ld %ld", &size, &pages) != 2) {
        fail("cannot read /proc/self/statm");
    }
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
start(const char *command)
{
    before = resident();
    PyConfig config;
    PyStatus status;
    char *argv[] = {(char *)python, "-X", (char *)option, "-c",
                    (char *)command};

    PyConfig_InitPythonConfig(&config);
    status = PyConfig_SetBytesArgv(&config, 5, argv);
    if (!PyStatus_Exception(status)) {
        status = PyConfig_SetBytesString(&config, &config.program_name,
                                         python);
    }
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        fprintf(stderr, "rounds: %s\n", status.err_msg);
        exit(1);
    }
}

static void
run(const char *code)
{
    if (PyRun_SimpleString(code) < 0) {
        fail("Python code failed");
    }
}

static void
end(void)
{
    during = resident();
    if (Py_FinalizeEx() < 0) {
        fail("Py_FinalizeEx() failed");
    }
}

/* Ways to spend a round; each returns how many finalizers it must have run. */

static int
never(void)
{
    start("");
    run(WORK);
    end();
    return 2;
}

static int
each(void)
{
    start("");
    run(WORK);
    run(IMMORTAL);
    end();
    return 4;
}

static int
first(void)
{
    static int done;

    return done++ ? never() : each();
}

static int
threads(void)
{
    start("");
    run(WORK);
    run(THREADS);
    end();
    return 2;
}

static int
subinterpreters(void)
{
    start("");
    PyThreadState *main_state = PyThreadState_Get();
    for (int i = 0; i < 3; i++) {
        PyThreadState *sub = Py_NewInterpreter();
        if (sub == NULL) {
            fail("Py_NewInterpreter() failed");
        }
        run(WORK);
        Py_EndInterpreter(sub);
        PyThreadState_Swap(main_state);
    }
    run(WORK);
    end();
    return 8;
}

static int
run_main(void)
{
    start(WORK);
    during = resident();
    if (Py_RunMain() != 0) {
        fail("Py_RunMain() failed");
    }
    /* It takes the table of built-in modules down. */
    PyImport_AppendInittab("rounds", init_rounds);
    return 2;
}

static const struct {
    const char *name;
    int (*round)(void);
} WAYS[] = {
    {"never", never},       // nothing is made immortal
    {"first", first},       // gc.immortalize_heap() in the first round
    {"each", each},         // in each round
    {"threads", threads},   // four that end, one that does not
    {"subinterpreters", subinterpreters},
    {"main", run_main},     // Py_RunMain()
};

int
main(int argc, char *argv[])
{
    int (*round)(void) = NULL;
    long wanted = 0;

    if (argc != 4 && argc != 5) {
        fail("want: HOW ROUNDS PYTHON [OPTION]");
    }
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
        if (strcmp(WAYS[i].name, argv[1]) == 0) {
            round = WAYS[i].round;
        }
    }
    if (round == NULL) {
        fail("no such way");
    }
    python = argv[3];
    if (argc == 5) {
        option = argv[4];
    }
    PyImport_AppendInittab("rounds", init_rounds);
    for (long i = 0, rounds = atol(argv[2]); i < rounds; i++) {
        wanted += round();
        printf("%ld %ld %ld\n", before, during, resident());
        fflush(stdout);
        if (finalizers != wanted) {
            fprintf(stderr, "rounds: %ld finalizers after round %ld, "
                    "not %ld\n", finalizers, i, wanted);
            return 1;
        }
    }
    return 0;
}
