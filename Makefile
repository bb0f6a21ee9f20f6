# Each target is one verb of the driver in tools/cpatch; the logic lives there.
#   PIN=3.NN  TREE=patched|stock  PARTS=speed,counts,…
#   FLAVOR=release|debug|pgo|asan|ubsan, or an odd build of docs/builds.md
#   J=jobs  PREFIX=/dir
#   ARGS="what else the verb takes"; CC, CFLAGS, LDFLAGS and LAUNCHER=distcc|sccache pass through.
VENV := $(or $(CPATCH_BUILD),build)/venv
CPATCH := $(VENV)/bin/python -m cpatch
pin := $(if $(PIN),--pin $(PIN))
parts := $(if $(PARTS),--parts $(PARTS))
tree := $(pin) $(if $(TREE),--tree $(TREE)) $(parts)
flavor := $(tree) $(if $(FLAVOR),--flavor $(FLAVOR))
jobs := $(if $(J),--jobs $(J))
verbs := build test bench report results audit servers fuzz packages compat variants dist wheel \
    which install fetch apply status refresh lint diff bump doctor clean help
# What is misspelt is said before the first verb begins. Variables of a make that calls this one are
# its own business.
strange := $(filter-out $(verbs) $(VENV)/.stamp,$(MAKECMDGOALS))
$(if $(strange),$(error no such verb: $(strange); make help lists them; ARGS="…" is what one takes))
ifeq ($(MAKELEVEL),0)
known := PIN TREE PARTS FLAVOR J PREFIX ARGS LAUNCHER CC CXX CFLAGS CPPFLAGS LDFLAGS PKG_CONFIG \
    PYTHON CPATCH_% PIP_% CCACHE_% DISTCC_% %_proxy %_PROXY
given := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
strange := $(strip $(filter-out $(known),$(given)))
$(if $(strange),$(error no verb takes $(strange:%=%=); the Makefile begins with what they take))
endif

build: $(VENV)/.stamp ## fetch, patch, configure, make and check an interpreter (the default)
	@$(CPATCH) build $(flavor) $(jobs) $(ARGS)
test: $(VENV)/.stamp ## run the driver's tests, ours and CPython's suite, and compare with stock
	@$(CPATCH) test $(pin) $(parts) $(jobs) $(ARGS)
bench: $(VENV)/.stamp ## measure stock against patched in turns; continues what was interrupted
	@$(CPATCH) bench $(pin) $(if $(FLAVOR),--flavor $(FLAVOR)) $(jobs) $(ARGS)
report: $(VENV)/.stamp ## tables and plots of what bench measured: Markdown and one HTML page
	@$(CPATCH) report $(pin) $(ARGS)
results: $(VENV)/.stamp ## write the index of kept runs and the picture; keep one: ARGS="--keep DIR"
	@$(CPATCH) results $(pin) $(ARGS)
audit: $(VENV)/.stamp ## show which memory of a pre-fork application stops being shared: ARGS="app.py"
	@$(CPATCH) audit $(pin) $(ARGS)
servers: $(VENV)/.stamp ## measure pre-fork servers with real applications: memory, requests/s, latency
	@$(CPATCH) servers $(pin) $(if $(FLAVOR),--flavor $(FLAVOR)) $(jobs) $(ARGS)
fuzz: $(VENV)/.stamp ## run programs made from a seed on stock and patched; compare how they exit
	@$(CPATCH) fuzz $(pin) $(if $(FLAVOR),--flavor $(FLAVOR)) $(jobs) $(ARGS)
packages: $(VENV)/.stamp ## run programs that use real packages to their end, and compare with stock
	@$(CPATCH) packages $(pin) $(if $(FLAVOR),--flavor $(FLAVOR)) $(jobs) $(ARGS)
compat: $(VENV)/.stamp ## run native packages' own tests on stock, patched, and after the call
	@$(CPATCH) compat $(pin) $(if $(FLAVOR),--flavor $(FLAVOR)) $(jobs) $(ARGS)
variants: $(VENV)/.stamp ## build what nobody ships (32 bits, musl, AArch64, …), test it against stock
	@$(CPATCH) variants $(pin) $(jobs) $(ARGS)
wheel: $(VENV)/.stamp ## pack the heap as an extension of an unpatched interpreter, built and tested
	@$(CPATCH) wheel $(pin) $(jobs) $(ARGS)
which: $(VENV)/.stamp ## print a built interpreter's path and nothing else (make -s which)
	@$(CPATCH) which $(flavor) $(ARGS)
install: $(VENV)/.stamp ## build, install under PREFIX=/dir, run what was installed
	@$(CPATCH) install $(flavor) $(jobs) $(if $(PREFIX),--prefix "$(PREFIX)") $(ARGS)
dist: $(VENV)/.stamp ## pack a tarball that runs from any path: FLAVOR=pgo|release, ARGS="--try SUITE"
	@$(CPATCH) dist $(tree) $(if $(FLAVOR),--flavor $(FLAVOR)) $(jobs) $(ARGS)
fetch: $(VENV)/.stamp ## download the pinned source and its fixes; verify sizes and SHA-256
	@$(CPATCH) fetch $(pin) $(ARGS)
apply: $(VENV)/.stamp ## make the patched source tree: pristine, overlay, one commit per patch
	@$(CPATCH) apply $(tree) $(ARGS)
status: $(VENV)/.stamp ## say where the source trees stand and what comes next
	@$(CPATCH) status $(pin) $(ARGS)
refresh: $(VENV)/.stamp ## write edited commits and overlay files back to this repository
	@$(CPATCH) refresh $(pin) $(ARGS)
lint: $(VENV)/.stamp ## check order, headers, overlay and round trip of the series
	@$(CPATCH) lint $(pin) $(ARGS)
diff: $(VENV)/.stamp ## show what the patched tree changes against stock
	@$(CPATCH) diff $(pin) $(ARGS)
bump: $(VENV)/.stamp ## try the series on a new upstream version and report
	@$(CPATCH) bump $(pin) $(ARGS)
doctor: $(VENV)/.stamp ## say which host tools and headers are missing, and the command for them
	@$(CPATCH) doctor $(ARGS)
clean: $(VENV)/.stamp ## remove named parts of build/: ARGS="obj trees cache logs bench dist all", or results
	@$(CPATCH) clean $(pin) $(ARGS)
help: ## print this list
	@sed -n 's/^\([a-z]*\):.* ## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

$(VENV)/.stamp: tools/requirements.txt tools/bootstrap.sh
	@sh tools/bootstrap.sh $(VENV) >&2

.PHONY: $(verbs)
