# The overlay's files, listed once for Makefile.pre.in, which includes this.
#
# A tree that has some parts of the series only has the files of those parts
# only: what is not there is left out.

# The interpreter's own objects.
OVERLAY_OBJS= $(patsubst $(srcdir)/%.c,%.o,$(wildcard \
		$(srcdir)/Python/addrset.c \
		$(srcdir)/Python/borrow.c \
		$(srcdir)/Python/code_hooks.c \
		$(srcdir)/Python/datetime_referents.c \
		$(srcdir)/Python/deallocators.c \
		$(srcdir)/Python/finalize_ahead.c \
		$(srcdir)/Python/finalize_any_order.c \
		$(srcdir)/Python/finalize_borrow.c \
		$(srcdir)/Python/finalize_callbacks.c \
		$(srcdir)/Python/finalize_circles.c \
		$(srcdir)/Python/finalize_clear.c \
		$(srcdir)/Python/finalize_cut.c \
		$(srcdir)/Python/finalize_dropped.c \
		$(srcdir)/Python/finalize_early.c \
		$(srcdir)/Python/finalize_files.c \
		$(srcdir)/Python/finalize_find.c \
		$(srcdir)/Python/finalize_garbage.c \
		$(srcdir)/Python/finalize_gone.c \
		$(srcdir)/Python/finalize_interpreters.c \
		$(srcdir)/Python/finalize_kept.c \
		$(srcdir)/Python/finalize_modules.c \
		$(srcdir)/Python/finalize_named.c \
		$(srcdir)/Python/finalize_names.c \
		$(srcdir)/Python/finalize_order.c \
		$(srcdir)/Python/finalize_owned.c \
		$(srcdir)/Python/finalize_release.c \
		$(srcdir)/Python/finalize_run.c \
		$(srcdir)/Python/finalize_set_order.c \
		$(srcdir)/Python/finalize_threads.c \
		$(srcdir)/Python/finalize_used.c \
		$(srcdir)/Python/finalize_users.c \
		$(srcdir)/Python/finalize_wait.c \
		$(srcdir)/Python/finalize_walk.c \
		$(srcdir)/Python/finalize_watch.c \
		$(srcdir)/Python/finalize_weakrefs.c \
		$(srcdir)/Python/frame_operands.c \
		$(srcdir)/Python/immortal_fill.c \
		$(srcdir)/Python/immortal_heap.c \
		$(srcdir)/Python/immortal_mark.c \
		$(srcdir)/Python/immortal_owned.c \
		$(srcdir)/Python/immortal_quiet.c \
		$(srcdir)/Python/immortal_referents.c \
		$(srcdir)/Python/immortal_roots.c \
		$(srcdir)/Python/immortal_startup.c \
		$(srcdir)/Python/immortal_trim.c \
		$(srcdir)/Python/objlist.c \
		$(srcdir)/Python/port_io.c \
		$(srcdir)/Python/port_types.c \
		$(srcdir)/Python/quiet_code.c \
		$(srcdir)/Python/recent_lines.c \
		$(srcdir)/Python/static_types.c))

# What every object file is made anew for.
OVERLAY_HEADERS= $(wildcard \
		$(srcdir)/Include/immortal.h \
		$(srcdir)/Include/internal/pycore_addrset.h \
		$(srcdir)/Include/internal/pycore_borrow.h \
		$(srcdir)/Include/internal/pycore_code_hooks.h \
		$(srcdir)/Include/internal/pycore_datetime.h \
		$(srcdir)/Include/internal/pycore_deallocators.h \
		$(srcdir)/Include/internal/pycore_dict_walks.h \
		$(srcdir)/Include/internal/pycore_finalize.h \
		$(srcdir)/Include/internal/pycore_finalize_mutex.h \
		$(srcdir)/Include/internal/pycore_finalize_names.h \
		$(srcdir)/Include/internal/pycore_finalize_release.h \
		$(srcdir)/Include/internal/pycore_finalize_steps.h \
		$(srcdir)/Include/internal/pycore_finalize_wait.h \
		$(srcdir)/Include/internal/pycore_finalize_walk.h \
		$(srcdir)/Include/internal/pycore_finalize_watch.h \
		$(srcdir)/Include/internal/pycore_gc_lists.h \
		$(srcdir)/Include/internal/pycore_immortal.h \
		$(srcdir)/Include/internal/pycore_immortal_fork.h \
		$(srcdir)/Include/internal/pycore_immortal_heap.h \
		$(srcdir)/Include/internal/pycore_immortal_mark.h \
		$(srcdir)/Include/internal/pycore_immortal_owned.h \
		$(srcdir)/Include/internal/pycore_immortal_port.h \
		$(srcdir)/Include/internal/pycore_immortal_startup.h \
		$(srcdir)/Include/internal/pycore_interned.h \
		$(srcdir)/Include/internal/pycore_interp_walks.h \
		$(srcdir)/Include/internal/pycore_loop.h \
		$(srcdir)/Include/internal/pycore_method_cache.h \
		$(srcdir)/Include/internal/pycore_missing_attr.h \
		$(srcdir)/Include/internal/pycore_objlist.h \
		$(srcdir)/Include/internal/pycore_port_objects.h \
		$(srcdir)/Include/internal/pycore_quiet.h \
		$(srcdir)/Include/internal/pycore_recent_lines.h \
		$(srcdir)/Include/internal/pycore_type_walks.h \
		$(srcdir)/Include/internal/pycore_words.h \
		$(srcdir)/Modules/gc_full_refs.h \
		$(srcdir)/Modules/gc_stopped.h \
		$(srcdir)/Modules/gc_survivors.h \
		$(srcdir)/Modules/gc_traverse.h \
		$(srcdir)/Objects/dict_ascii.h)

# Headers of one object file each.
OVERLAY_CEVAL_HEADERS= $(wildcard \
		$(srcdir)/Python/ceval_borrow.h \
		$(srcdir)/Python/ceval_borrow_owner.h \
		$(srcdir)/Python/ceval_call.h)
OVERLAY_OBMALLOC_HEADERS= $(wildcard \
		$(srcdir)/Include/internal/pycore_obmalloc_port.h \
		$(srcdir)/Objects/obmalloc_seal.h)

# Packages below Lib/test, to be installed.
OVERLAY_TESTSUBDIRS= $(patsubst $(srcdir)/Lib/%,%,$(wildcard \
		$(srcdir)/Lib/test/embedding_rounds \
		$(srcdir)/Lib/test/finalization_ways))
