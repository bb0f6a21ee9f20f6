/* The immortal heap: what is on no list of the collector's. */

#include "Python.h"
#include "pycore_immortal_mark.h"
#include "pycore_immortal_owned.h"
#include "pycore_immortal_port.h" // _PyPort_Frame()
#include "pycore_interp_walks.h"  // _PyInterpWalk_All()
#include "pycore_type_walks.h"    // _PyStaticTypes_Visit()

static void
mark_static_type(PyTypeObject *type, void *m)
{
    _PyPort_VisitStaticType(type, _PyMarker_Visit, m);
}

void
_PyMarker_MarkFrame(_PyInterpreterFrame *frame, int muted,
                    struct _Py_marker *m)
{
    int n = _PyPort_FrameSlots(frame, 0);
    for (int i = 0; i < n; i++) {
        if (m->counter != NULL) {
            m->counter->muted = muted || !_PyPort_IsSlotCounted(frame, i);
        }
        _PyMarker_Mark(_PyPort_FrameSlot(frame, i), m);
    }
    if (m->counter != NULL) {
        m->counter->muted = muted;
    }
    _PyPort_VisitFrame(frame, _PyMarker_Visit, m);
    /* Once they are, they do not look counted any more: a generator's frame is
       left to its object, which is yet to come. */
    if (!muted) {
        _PyPort_SettleFrame(frame, _PyMarker_IsMarkedForGood, m);
    }
}

/* Above the variables, the evaluation stack of the innermost frame may be out
   of sight. */
static void
mark_frame(_PyInterpreterFrame *frame, void *m)
{
    _PyMarker_MarkFrame(frame, _PyPort_IsFrameOfGenerator(frame), m);
}

void
_PyMarker_MarkRoots(PyInterpreterState *interp, PyObject *root,
                    struct _Py_marker *m)
{
    if (_PyStaticTypes_Visit(mark_static_type, m) < 0) {
        m->no_memory = 1;
    }
    if (root != NULL) {
        _PyMarker_Expand(root, m, 1);
        /* Some of these names nothing else holds. */
        _PyPort_VisitTypeCache(interp, _PyMarker_Visit, m);
    }
    if (m->counter != NULL) {
        m->counter->holder = NULL;
        m->counter->declared = 0;
    }
    if (m->careful) {
        /* What the interpreter holds, and nothing else need hold. */
        _PyInterpWalk_All(interp, _PyMarker_Visit, m);
    }
    _PyInterpWalk_Frames(interp, mark_frame, m);
    if (m->counter != NULL) {
        m->counter->muted = 0;
    }
}
