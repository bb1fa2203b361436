# SPDX-License-Identifier: GPL-2.0-only
# Test programs, and how they are run. Included by the top Makefile.
#
# build/tests/DIR/NAME comes from tests/DIR/NAME.c and tests/DIR/lib/*.c.

T := $(BUILD)/tests
lib_of = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/$(1)/lib/*.c))
bins_of = $(patsubst tests/%.c,$(T)/%,$(wildcard tests/$(1)/$(2).c))

UNIT := $(call bins_of,unit,test_*)
PROG := $(call bins_of,prog,test_*)
QUIC := $(call bins_of,quic,*)
NETPEER := $(patsubst tests/net/lib/%.c,$(T)/net/%,$(filter-out %.bpf.c %.so.c,$(wildcard tests/net/lib/*.c)))
# Two of them, one by its other names, in a folder that is in the tests' PATH.
ENTERED := $(addprefix $(T)/net/bin/,in_ns xr xr_on)
PICK := $(T)/net/bin/pick
NETSO := $(patsubst tests/net/lib/%.so.c,$(T)/net/%.so,$(wildcard tests/net/lib/*.so.c))
NETBPF := $(patsubst tests/net/lib/%.bpf.c,$(T)/net/%.bpf.o,$(wildcard tests/net/lib/*.bpf.c))
BENCH := $(call bins_of,bench,bench)
LIVE := $(call bins_of,bench,live)
COUNT := $(call bins_of,count,count)
BENCH_SKEL := $(patsubst tests/bench/%.bpf.c,$(BUILD)/include/bench/%.skel.h,$(wildcard tests/bench/*.bpf.c))
FUZZ := $(call bins_of,fuzz,fuzz_*)
VM := $(call bins_of,vm,*)
FORMER := $(patsubst tests/upgrade/%.tar.xz,$(T)/upgrade/%/build/xroam,$(wildcard tests/upgrade/*.tar.xz))

.PHONY: tests test bench bench-count bench-live fuzz kernels soak
tests: all $(UNIT) $(PROG) $(QUIC) $(NETPEER) $(ENTERED) $(PICK) $(NETSO) $(NETBPF) $(VM) $(BENCH) $(LIVE) $(COUNT) $(FORMER)

# They are compiled once and run once.
EXTRA_tests_unit_ := -O0 -U_FORTIFY_SOURCE
EXTRA_tests_prog_ := -O0 -U_FORTIFY_SOURCE

# What they test, linked once and not into each of a hundred.
CORE_SO := $(T)/libxroam-core.so
LINK_CORE = -L$(T) -lxroam-core -Wl,-rpath,$(abspath $(T))
$(CORE_SO): $(CORE_OBJ) $(CID_OBJ)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)

$(UNIT): $(T)/unit/%: $(BUILD)/tests/unit/%.o $(call lib_of,unit) $(CORE_SO)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK_CORE) -lcmocka -lgnutls $(CORE_LIBS)

# The daemon's alone.
$(T)/unit/test_etcd_merge: $(addprefix $(BUILD)/user/,http/base64.o $(addprefix etcd/,keys.o lines.o merge.o vms.o))
$(T)/unit/test_judge: $(addprefix $(BUILD)/user/,daemon/figures.o probe/judge.o probe/wheel.o)

$(PROG): $(T)/prog/%: $(BUILD)/tests/prog/%.o $(call lib_of,prog) $(CORE_SO)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK_CORE) -lcmocka $(CORE_LIBS)

# The QUIC peers use the library as its users do: installed, by pkg-config.
STAGE := $(BUILD)/stage
STAGED := $(STAGE)/.done
STAGE_LIB := $(abspath $(STAGE))/usr/lib$(MULTIARCH:%=/%)
STAGE_PC = PKG_CONFIG_PATH=$(STAGE_LIB)/pkgconfig PKG_CONFIG_SYSROOT_DIR=$(abspath $(STAGE)) $(PKG_CONFIG)

$(STAGED): $(BUILD)/xroam $(CID_A) $(CID_SO) $(CID_PC) $(wildcard include/xroam/*.h)
	$(call say,INSTALL,$(STAGE))
	$(Q)rm -rf $(STAGE) && $(MAKE) --no-print-directory -s install DESTDIR=$(abspath $(STAGE)) PREFIX=/usr LIBDIR=/usr/lib$(MULTIARCH:%=/%) >/dev/null && touch $@

QUIC_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/quic/*.c tests/quic/*/*.c))
$(QUIC_OBJ): $(BUILD)/%.o: %.c $(STAGED)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARN) -std=gnu11 -D_GNU_SOURCE -I. $$($(STAGE_PC) --cflags libxroam-cid) -MMD -MP -c $< -o $@

# xr_NAME.c has its parts in the folder NAME.
parts_of = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/quic/$(1:xr_%=%)/*.c))
.SECONDEXPANSION:
$(QUIC): $(T)/quic/%: $(BUILD)/tests/quic/%.o $$(call parts_of,$$*) $(call lib_of,quic) $(STAGED)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $$($(STAGE_PC) --libs libxroam-cid) -Wl,-rpath,$(STAGE_LIB) $(QUIC_LIBS)

$(T)/net/enter $(T)/net/wire $(T)/net/pick: LDFLAGS += -static
$(ENTERED): $(T)/net/enter
$(PICK): $(T)/net/pick
$(ENTERED) $(PICK):
	@mkdir -p $(@D)
	$(Q)ln -sf ../$(notdir $<) $@
# A large one has more files in a folder of its name.
$(NETPEER): $(T)/net/%: tests/net/lib/%.c $$(wildcard tests/net/lib/$$*/*.[ch])
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -ljansson -lpthread

$(NETSO): $(T)/net/%.so: tests/net/lib/%.so.c tests/net/lib/preload.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@ $<

$(NETBPF): $(T)/net/%.bpf.o: tests/net/lib/%.bpf.c
	$(call say,CLANG,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/include/bench/%.skel.h: tests/bench/%.bpf.c $(BPF_HDR)
	$(call say,SKEL,$@)
	@mkdir -p $(@D) $(BUILD)/tests/bench
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $(BUILD)/tests/bench/$*.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $(BUILD)/tests/bench/$*.bpf.o name $*_bpf >$@.tmp && mv $@.tmp $@

$(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c tests/bench/lib/*.c)): $(BENCH_SKEL)

$(BENCH) $(LIVE): $(T)/bench/%: $(BUILD)/tests/bench/%.o $(call lib_of,bench) $(CORE_A) $(CID_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)

# It counts the bench's cases.
$(COUNT): $(T)/count/%: $(BUILD)/tests/count/%.o $(call lib_of,count) $(call lib_of,bench) $(CORE_A) $(CID_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)

# The guest is its kernel's first process, and alone.
$(T)/vm/guest: LDFLAGS += -static
$(T)/vm/migrate: VM_LIBS := -ljansson
$(VM): $(T)/vm/%: $(BUILD)/tests/vm/%.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(VM_LIBS)

# The command of a release before, from its own sources: see tests/upgrade/README.md.
$(FORMER): $(T)/upgrade/%/build/xroam: tests/upgrade/%.tar.xz
	$(call say,FORMER,$@)
	$(Q)rm -rf $(T)/upgrade/$* && mkdir -p $(T)/upgrade/$* && tar -C $(T)/upgrade/$* -xf $<
	$(Q)$(MAKE) --no-print-directory -s -C $(T)/upgrade/$* BUILD=build V=0 CFLAGS=-O0 build/xroam >/dev/null && touch $@

# Fuzzers are built with clang; what reads that which they make up is instrumented, once for
# all of them, the rest is as it is elsewhere.
FUZZ_CFLAGS = -O1 -gline-tables-only -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
FUZZED_ROOMS := cid config lib model ovsdb state steer vm write yaml
FUZZED := $(wildcard $(FUZZED_ROOMS:%=user/%/*.c) tests/fuzz/lib/*.c)
FUZZED_OBJ := $(FUZZED:%.c=$(BUILD)/fuzzed/%.o)
$(BUILD)/fuzzed/%.o: %.c Makefile tests/tests.mk | $(SKEL)
	$(call say,FUZZCC,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(WARN) -std=gnu11 $(CPPFLAGS) -MMD -MP -c $< -o $@

$(FUZZ): $(T)/fuzz/%: $(BUILD)/fuzzed/tests/fuzz/%.o $(FUZZED_OBJ) $(call lib_of,prog) $(CORE_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -o $@ $^ $(CORE_LIBS) -lcmocka

bench: all $(BENCH) $(NETBPF)
	@$(BENCH) $(BENCH_ARGS)
	@tests/bench/health.sh
	@tests/bench/state.sh

bench-live: all $(LIVE) $(NETBPF)
	@tests/bench/live.sh $(LIVE_ROUNDS)

bench-count: all $(COUNT)
	@$(COUNT) $(COUNT_ARGS)

fuzz: $(FUZZ)
	@tests/fuzz/run.sh $(FUZZ_SECONDS)

rivals: all tests
	@tests/rivals/run.sh $(RIVALS)

kernels: tests
	@tests/kernels/run.sh all

soak: tests
	@SOAK_SECONDS=$${SOAK_SECONDS:-3600} SOAK_LOST=$${SOAK_LOST:-0} $(MAKE) --no-print-directory -s prove TESTS=$(SOAK)

# prove prints the closing lines; tests/run what failed, and how, which it keeps in
# build/tests/failures. Four at a time, for most of them wait more than they work; but not
# two guests that are probed, see schedule.yaml. The longest come first.
JOBS ?= $(shell n=$$(nproc); echo $$((n < 4 ? n : 4)))
PROVE_JOBS ?= 4
PROVE_ARGS ?= --timer --jobs $(PROVE_JOBS)
SCRIPTS = $(sort $(wildcard tests/$(1)/t-*.sh))
TESTS_kernels = $(call SCRIPTS,kernels)
TESTS_vm = $(call SCRIPTS,vm)
TESTS_fuzz = $(call SCRIPTS,fuzz)
TESTS_unit = $(call SCRIPTS,unit) $(UNIT)
TESTS_prog = $(call SCRIPTS,prog) $(PROG)
TESTS_quic = $(call SCRIPTS,quic)
TESTS_net = $(call SCRIPTS,net)
PARTS := kernels vm fuzz unit prog quic net
# Five minutes, and little work in them: first, or all would wait for it at the end.
SOAK := tests/net/t-soak.sh
TESTS ?= $(SOAK) $(filter-out $(SOAK),$(foreach part,$(PARTS),$(TESTS_$(part))))

# $(1): what is built for them beside; $(2): which they are
define build_and_prove
	@scripts/install-deps all
	@$(MAKE) --no-print-directory -j$(JOBS) all tests $(1)
	@$(MAKE) --no-print-directory -s prove $(2)
endef

test:
	$(call build_and_prove,$(FUZZ))

# A part of them: make test-net
.PHONY: $(PARTS:%=test-%)
$(PARTS:%=test-%): test-%:
	$(call build_and_prove,$(if $(filter fuzz,$*),$(FUZZ)),TESTS="$(TESTS_$*)")

# Those that are built already: make prove TESTS="tests/net/t-mtu.sh ..."
.PHONY: prove
prove:
	@mkdir -p $(T) && rm -f $(T)/failures
	@HARNESS_RULESFILE=tests/schedule.yaml prove $(PROVE_ARGS) -e tests/run $(TESTS)
