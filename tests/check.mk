# SPDX-License-Identifier: GPL-2.0-only
# make check: what finds faults by reading, and the unit tests twice; nothing here
# needs root. Included by the top Makefile.
#
# Each part is a target of its own: make check-format, check-rooms, check-shell,
# check-cppcheck, check-analyzer, check-tidy, check-unit, check-asan.

CLANG_FORMAT ?= clang-format-19
CLANG_TIDY ?= clang-tidy-19
CPPCHECK ?= cppcheck

C_FILES = $(shell find bpf include tests user -name '*.[ch]')
USER_SRC := $(wildcard user/*.c user/*/*.c)
CHECKED := $(BUILD)/check
CHECKS := format rooms shell cppcheck analyzer tidy unit asan

.PHONY: check check-deps format $(CHECKS:%=check-%)
check: $(CHECKS:%=check-%)
	@echo "check: $(words $(CHECKS)) parts, all well"

check-deps:
	@scripts/install-deps -n check || \
	 { echo "make check: as root: scripts/install-deps check" >&2; exit 1; }

check-format: check-deps
	$(call say,CHECK,format)
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)

format:
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)

check-rooms: $(BUILD)/xroam
	$(call say,CHECK,rooms)
	$(Q)scripts/rooms $(BUILD)

check-shell: check-deps
	$(call say,CHECK,shell)
	$(Q)shellcheck -x $$(grep -rlE '^(#!.*sh|# shellcheck shell=.*)$$' .ci scripts tests)

# Its list of libbpf's macros, which it does not find by itself, is in the file.
check-cppcheck: check-deps
	$(call say,CHECK,cppcheck)
	@mkdir -p $(CHECKED)/cppcheck
	$(Q)$(CPPCHECK) -q --std=c11 --enable=warning,portability --inline-suppr \
		--error-exitcode=1 --suppressions-list=tests/cppcheck.txt \
		--library=tests/cppcheck.cfg --cppcheck-build-dir=$(CHECKED)/cppcheck \
		-Iinclude -I. -Iuser -D_GNU_SOURCE '-DXR_VERSION="0"' user

# Not asked for: leaks, which gcc 12 sees wherever a pointer is kept behind another one
# (AddressSanitizer looks for them); memory not written, where callees write it; lines that are
# cut, of which gcc knows more at -O2, as which it is asked in each build.
ANALYZER := -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value \
	-Wno-format-truncation
# What it sees in these files has been read, and is not so.
ANALYZER_user/source/on_move := -Wno-analyzer-use-after-free
ANALYZER_user/state/export := -Wno-analyzer-null-dereference
ANALYZER_user/state/stream := -Wno-analyzer-null-argument

# An empty file for each source that has been found well, so that only what has
# changed is read again.
check-analyzer: $(USER_SRC:%.c=$(CHECKED)/analyzer/%.ok)
$(CHECKED)/analyzer/%.ok: %.c $(SKEL) | check-deps
	$(call say,ANALYZE,$<)
	@mkdir -p $(@D)
	$(Q)gcc -O1 -std=gnu11 $(CPPFLAGS) $(EXTRA_$(subst /,_,$(dir $*))) $(WARN) $(ANALYZER) $(ANALYZER_$*) -MMD -MP -MF $(@:.ok=.d) -MT $@ -c $< -o $(@:.ok=.o)
	@rm -f $(@:.ok=.o) && touch $@

check-tidy: $(USER_SRC:%.c=$(CHECKED)/tidy/%.ok)
$(CHECKED)/tidy/%.ok: %.c $(SKEL) .clang-tidy | check-deps
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG_TIDY) --quiet $< -- -std=gnu11 $(WARN) $(CPPFLAGS) $(EXTRA_$(subst /,_,$(dir $*))) 2>$(@:.ok=.log) || { cat $(@:.ok=.log) >&2; exit 1; }
	@touch $@

-include $(shell find $(CHECKED) -name '*.d' 2>/dev/null)

# What of the unit tests needs no root; those that do say so and are left out.
check-unit: $(UNIT) | check-deps
	$(call say,CHECK,unit tests)
	$(Q)prove -e '' $(UNIT)

# Warnings are the plain build's: instrumented, gcc warns of what cannot be.
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
check-asan: | check-deps
	$(call say,CHECK,unit tests under ASan and UBSan)
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/asan CFLAGS='$(SANITIZE)' WARN=-w check-unit
