/* To fill and to copy a few words.

   With a profile, GCC expands memset() and memcpy() of a size that it does not
   know, but that was small when the profile was taken, to the processor's
   string instructions (REP STOS, REP MOVS).  These take longer to begin than
   a few words take to be stored: a list of two items, whose array is cleared,
   took a fifth longer than with calls of the C library (docs/tried.md).

   Sizes are in bytes and multiples of a word's. */

#ifndef Py_INTERNAL_WORDS_H
#define Py_INTERNAL_WORDS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

/* The most that is done here.  Larger sizes are left to the C library. */
#define _Py_FEW_WORDS (32 * sizeof(uintptr_t))

/* The C library's functions.  Where GCC sees that a size is not small, and
   that it is less than 8 KiB, which is so for pymalloc's blocks, it expands
   a call of memset() to REP STOS without any profile; it cannot see what
   these are. */
static void *(*const volatile _Py_LibraryFill)(void *, int, size_t) = memset;
static void *(*const volatile _Py_LibraryCopy)(void *, const void *, size_t) =
    memcpy;

/* size, rounded up to whole words. */
#define _Py_WHOLE_WORDS(size) _Py_SIZE_ROUND_UP((size), sizeof(uintptr_t))

/* Without this GCC would see that the loop is a memset() or memcpy(). */
#ifdef __GNUC__
#  define _Py_KEEP_LOOP(p) __asm__ ("" : "+r" (p))
#else
#  define _Py_KEEP_LOOP(p)
#endif

/* As memset().  Two words at once, which is one instruction of SSE2. */
static inline void
_Py_FillWords(void *dest, unsigned char byte, size_t size)
{
    assert(size % sizeof(uintptr_t) == 0);
    if (size > _Py_FEW_WORDS) {
        _Py_LibraryFill(dest, byte, size);
        return;
    }
    const uintptr_t word = byte * (UINTPTR_MAX / 255);
    const uintptr_t two[] = {word, word};
    char *p = dest;
    char *end = p + size;
    if (size % sizeof(two) != 0) {
        memcpy(p, &word, sizeof(word));
        p += sizeof(word);
    }
    while (p < end) {
        memcpy(p, two, sizeof(two));
        p += sizeof(two);
        _Py_KEEP_LOOP(p);
    }
}

/* As memcpy().  One word after the other, as what is copied has most often
   been stored a moment ago; two at once were not faster (docs/tried.md). */
static inline void
_Py_CopyWords(void *dest, const void *src, size_t size)
{
    assert(size % sizeof(uintptr_t) == 0);
    if (size > _Py_FEW_WORDS) {
        _Py_LibraryCopy(dest, src, size);
        return;
    }
    char *p = dest;
    char *end = p + size;
    const char *q = src;
    while (p < end) {
        memcpy(p, q, sizeof(uintptr_t));
        p += sizeof(uintptr_t);
        q += sizeof(uintptr_t);
        _Py_KEEP_LOOP(p);
    }
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_WORDS_H */
