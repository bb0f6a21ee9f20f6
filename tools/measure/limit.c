/* What the test of an immortal count costs: ns to count a reference up and
   down again, of one object after another, all of them mortal.

       gcc -O2 limit.c -o limit && taskset -c 1 ./limit

   Prints a row for each test, a column for each number of objects; the median
   of five runs each.  x86-64 only.  The tests are those of
   Include/immortal.h, and others that were considered. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TURNS 50000000L
#define RUNS 5
#define MOST_OBJECTS 64

static int64_t objects[MOST_OBJECTS][8];  // a cache line each
static const int numbers[] = {1, 8, MOST_OBJECTS};

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* up and down: %0 is the object.  Where down ends, the flags say whether the
   count is zero. */
#define ROW(name, up, down) \
    do { \
        printf("%-52s", name); \
        for (int k = 0; k < 3; k++) { \
            double runs[RUNS]; \
            for (int r = 0; r < RUNS; r++) { \
                double begun = now(); \
                for (long i = 0; i < TURNS; i++) { \
                    int64_t *op = objects[i & (numbers[k] - 1)]; \
                    __asm__ volatile (up "\n" down "\n\tje 9f\n9:" \
                                      :: "r" (op) : "memory", "cc", "rax"); \
                } \
                runs[r] = (now() - begun) / TURNS * 1e9; \
            } \
            qsort(runs, RUNS, sizeof(runs[0]), compare); \
            printf("%8.2f", runs[RUNS / 2]); \
        } \
        printf("\n"); \
    } while (0)

#define IN_MEMORY(test, count) test "\n\tjg 1f\n\t" count " (%0)\n1:"
#define IN_REGISTER(limit, count) \
    "movq (%0), %%rax\n\tcmpq " limit ", %%rax\n\tjg 1f\n\t" \
    count " %%rax\n\tmovq %%rax, (%0)\n1:"

int
main(void)
{
    for (int i = 0; i < MOST_OBJECTS; i++) {
        objects[i][0] = 5;
    }
    printf("%-52s%8d%8d%8d\n", "objects", numbers[0], numbers[1], numbers[2]);
    ROW("no test (stock)", "incq (%0)", "decq (%0)");
    ROW("byte: top byte against a constant",
        IN_MEMORY("cmpb $1, 7(%0)", "incq"), IN_MEMORY("cmpb $0, 7(%0)", "decq"));
    ROW("all of it against a constant: the sign",
        "cmpq $0, (%0)\n\tjl 1f\n\tincq (%0)\n1:",
        "cmpq $0, (%0)\n\tjl 1f\n\tdecq (%0)\n1:");
    ROW("upper half against a constant",
        IN_MEMORY("cmpl $0, 4(%0)", "incq"), IN_MEMORY("cmpl $0, 4(%0)", "decq"));
    ROW("all of it against the object's own address",
        IN_MEMORY("cmpq %0, (%0)", "incq"), IN_MEMORY("cmpq %0, (%0)", "decq"));
    ROW("all of it against the stack pointer",
        IN_MEMORY("cmpq %%rsp, (%0)", "incq"), IN_MEMORY("cmpq %%rsp, (%0)", "decq"));
    ROW("stack pointer, down in a register",
        IN_MEMORY("cmpq %%rsp, (%0)", "incq"), IN_REGISTER("%%rsp", "decq"));
    ROW("stack pointer, up and down in a register",
        IN_REGISTER("%%rsp", "incq"), IN_REGISTER("%%rsp", "decq"));
    ROW("no test, again", "incq (%0)", "decq (%0)");
    return 0;
}
