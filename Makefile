# SPDX-License-Identifier: GPL-2.0-only
# xroam: the only build entry point. Everything is made under build/.
#
#   make            the command, the library, the BPF programs (no root needed)
#   make demo       the main job, live (root)
#   make test       every test, TAP through prove (root); make test-net: one part
#   make check      what finds faults by reading, and the unit tests, also under
#                   AddressSanitizer and UBSan (no root needed)
#   make format     C as .clang-format says
#   make bench      ns per packet beside floors (root)
#   make bench-count   instructions, calls and cache lines of a packet (root)
#   make bench-live    ns per real frame over veth, beside the kernel's own ways (root)
#   make soak       an hour of faults under traffic: SOAK_SECONDS, SOAK_SEED (root)
#   make rivals     a VM's live migration behind xroam, and behind others (root)
#   make kernels    the prog tests on every kernel the distribution has
#   make fuzz       the fuzzers, FUZZ_SECONDS each (default 600)
#   make deb        Debian packages, into build/deb
#   make install    DESTDIR= PREFIX= LIBDIR=; make uninstall takes the same away

# The one place where the version stands; CHANGELOG.md begins with it.
VERSION := 0.1.0
SOVERSION := $(firstword $(subst ., ,$(VERSION)))
PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0
FUZZ_SECONDS ?= 600

BUILD := build
CC ?= gcc
CLANG ?= clang-19
BPFTOOL ?= $(or $(wildcard /usr/sbin/bpftool),bpftool)
PKG_CONFIG ?= pkg-config
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
# Where the dynamic linker of this distribution looks.
LIBDIR ?= $(PREFIX)/lib$(MULTIARCH:%=/%)

ifeq ($(V),0)
Q := @
say = @printf '  %-8s%s\n' '$(1)' '$(2)'
else
Q :=
say = @true
endif

WARN := -Wall -Wextra -Werror -Wno-unused-parameter
CFLAGS ?= -O2 -g
CPPFLAGS += -Iinclude -I. -Iuser -I$(BUILD)/include -D_GNU_SOURCE -DXR_VERSION='"$(VERSION)"'
ALL_CFLAGS = $(CFLAGS) $(WARN) -std=gnu11 -fPIC $(CPPFLAGS)
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-unused-function -Iinclude -Ibpf \
	-I$(BUILD)/include -I/usr/include/$(MULTIARCH)

CMD_LIBS = -lxdp -lbpf -lelf -lz -lcyaml -lyaml -ljansson -lmnl -lm -lpthread
CORE_LIBS = $(CMD_LIBS) -lpcap
DAEMON_LIBS = -lcurl -lmicrohttpd
QUIC_LIBS = $(shell $(PKG_CONFIG) --libs libngtcp2 libngtcp2_crypto_gnutls libnghttp3 gnutls jansson) -lev -lm -lpthread

BPF_SRC := $(wildcard bpf/*.bpf.c)
BPF_OBJ := $(BPF_SRC:%.c=$(BUILD)/%.o)
BPF_HDR := $(wildcard bpf/*.h include/xroam/*.h)
SKEL := $(patsubst bpf/%.bpf.c,$(BUILD)/include/%.skel.h,$(BPF_SRC))

CID_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard user/cid/*.c))
# The daemon's rooms need libsystemd, libcurl and libmicrohttpd, the command's have its
# options and output: neither tests nor fuzzers are built with them.
DAEMON_ROOMS := daemon http etcd guest qmp domains fdb ovn routes probe metrics source
CMD_ROOMS := args show packets cluster cmd
# A program of its own, so that the daemon is not linked with libvirt and what that needs.
HELPER_ROOMS := virt
# Programs that nobody calls by hand; "xroam" there is the command with all its objects.
PROGRAMS := $(BUILD)/libexec/xroam $(BUILD)/libexec/xroam-libvirt
# What the command becomes that program for: see user/hand_over.c.
HANDED_OVER := user/cmd/run.c $(wildcard user/packets/*.c user/cluster/*.c)
# What the command, the daemon and the tests are built on: every room but these.
CORE_SRC := $(filter-out $(patsubst %,user/%/%,cid $(CMD_ROOMS) $(DAEMON_ROOMS) $(HELPER_ROOMS)),$(wildcard user/*/*.c))
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o)
CMD_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard user/*.c $(CMD_ROOMS:%=user/%/*.c)))
DAEMON_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(DAEMON_ROOMS:%=user/%/*.c)))
HELPER_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(HELPER_ROOMS:%=user/%/*.c)))
EXTRA_user_virt_ = $(shell $(PKG_CONFIG) --cflags libvirt libxml-2.0)
CORE_A := $(BUILD)/libxroam-core.a
CID_A := $(BUILD)/libxroam-cid.a
CID_SO := $(BUILD)/libxroam-cid.so.$(VERSION)
CID_SONAME := libxroam-cid.so.$(SOVERSION)
CID_PC := $(BUILD)/libxroam-cid.pc

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all demo install uninstall deb deb-tree clean deps-check
all: deps-check $(BUILD)/xroam $(PROGRAMS) $(CID_A) $(CID_SO) $(CID_PC)

# One line that says what to do, before a compiler error would.
deps-check:
	@command -v $(CLANG) >/dev/null && command -v $(CC) >/dev/null && \
	 command -v $(PKG_CONFIG) >/dev/null && $(PKG_CONFIG) --exists libxdp libbpf libcyaml jansson libmnl libsystemd libcurl libmicrohttpd libvirt libvirt-qemu libxml-2.0 || \
	 { echo "make: build dependencies are missing; as root: scripts/install-deps build" >&2; exit 1; }

# ---- BPF ----

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(BPF_HDR) Makefile | deps-check
	$(call say,CLANG,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/include/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf >$@.tmp && mv $@.tmp $@

# ---- user space ----

$(BUILD)/%.o: %.c Makefile | deps-check $(SKEL)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(EXTRA_$(subst /,_,$(dir $*))) -MMD -MP -c $< -o $@

# The page as an array, and a policy that allows its own script and style alone: by their
# SHA-256, of what stands between the tags.
PAGE := user/metrics/page.html
page_hash = $$(sed -n '/^<$(1)>$$/,/^<\/$(1)>$$/p' $(PAGE) | sed '1d;$$d' | (printf '\n'; cat) | \
	sha256sum | cut -c 1-64 | tr a-f A-F | basenc --base16 -d | base64)

$(BUILD)/include/page_html.h: $(PAGE) Makefile
	$(call say,PAGE,$@)
	@mkdir -p $(@D)
	$(Q){ printf '#define PAGE_POLICY \\\n\t"default-src '"'none'"'; connect-src '"'self'"'; img-src data:; "\\\n' && \
	printf '\t"base-uri '"'none'"'; form-action '"'none'"'; frame-ancestors '"'none'"'; "\\\n' && \
	printf '\t"script-src '"'sha256-%s'"'; style-src '"'sha256-%s'"'"\n' "$(call page_hash,script)" "$(call page_hash,style)" && \
	echo 'static const unsigned char page_html[] = {' && od -An -v -tu1 $< | sed 's/ *\([0-9][0-9]*\)/\1,/g' && \
	echo '};'; } >$@.tmp && mv $@.tmp $@

$(BUILD)/user/metrics/serve.o: $(BUILD)/include/page_html.h

$(CORE_A): $(CORE_OBJ)
$(CID_A): $(CID_OBJ)
$(CORE_A) $(CID_A):
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(CID_SO): $(CID_OBJ) $(wildcard user/cid/*.map)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(CID_SONAME) $(addprefix -Wl$(comma)--version-script=,$(wildcard user/cid/*.map)) $(CFLAGS) $(LDFLAGS) -o $@ $(CID_OBJ)
	$(Q)ln -sf $(notdir $@) $(BUILD)/$(CID_SONAME) && ln -sf $(CID_SONAME) $(BUILD)/libxroam-cid.so
comma := ,

FILL_IN = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@VERSION@|$(VERSION)|g'

$(CID_PC): user/cid/libxroam-cid.pc.in Makefile
	@mkdir -p $(@D)
	$(Q)$(FILL_IN) $< >$@

$(BUILD)/xroam: $(filter-out $(HANDED_OVER:%.c=$(BUILD)/%.o),$(CMD_OBJ)) $(CORE_A) $(CID_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CMD_LIBS)

$(BUILD)/libexec/xroam: $(filter-out $(BUILD)/user/hand_over.o,$(CMD_OBJ)) $(DAEMON_OBJ) $(CORE_A) $(CID_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS) -lsystemd $(DAEMON_LIBS)

$(BUILD)/libexec/xroam-libvirt: $(HELPER_OBJ)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs libvirt libvirt-qemu libxml-2.0) -ljansson -lpthread

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)

include tests/tests.mk
include tests/check.mk

# ---- the two commands, and the rest ----

demo:
	@scripts/install-deps all
	@$(MAKE) --no-print-directory all tests
	@scripts/demo

# What goes where, for install and for uninstall.
SBIN := $(DESTDIR)$(PREFIX)/sbin
LIB := $(DESTDIR)$(LIBDIR)
LIBEXEC := $(DESTDIR)$(PREFIX)/libexec/xroam
INCLUDE := $(DESTDIR)$(PREFIX)/include/xroam
SHARE := $(DESTDIR)$(PREFIX)/share
UNITS := $(DESTDIR)$(PREFIX)/lib/systemd/system
SYSUSERS := $(DESTDIR)$(PREFIX)/lib/sysusers.d
BASH_COMPLETIONS := $(SHARE)/bash-completion/completions
ZSH_COMPLETIONS := $(SHARE)/zsh/vendor-completions
FISH_COMPLETIONS := $(SHARE)/fish/vendor_completions.d
EXAMPLES := $(SHARE)/doc/xroam/examples
HOOKS := $(SHARE)/xroam/hooks
HEADERS := $(notdir $(wildcard include/xroam/*.h))
MAN_PAGES := $(notdir $(wildcard docs/*.[3578]))
man_dir = $(SHARE)/man/man$(patsubst .%,%,$(suffix $(1)))
# Where it is installed for this machine, the user is made, and the dynamic linker told.
MAKE_USER = $(if $(DESTDIR),,-systemd-sysusers $(SYSUSERS)/xroam.conf)
LDCONFIG = $(if $(DESTDIR),,-$(or $(wildcard /sbin/ldconfig),ldconfig))

install: all
	install -d $(SBIN) $(LIB)/pkgconfig $(INCLUDE) $(UNITS) $(EXAMPLES)
	install -m 755 $(BUILD)/xroam $(SBIN)/
	install -d $(LIBEXEC)
	install -m 755 $(PROGRAMS) $(LIBEXEC)/
	install -m 644 $(CID_A) $(LIB)/
	install -m 755 $(CID_SO) $(LIB)/
	ln -sf $(notdir $(CID_SO)) $(LIB)/$(CID_SONAME)
	ln -sf $(CID_SONAME) $(LIB)/libxroam-cid.so
	install -m 644 $(HEADERS:%=include/xroam/%) $(INCLUDE)/
	$(FILL_IN) user/cid/libxroam-cid.pc.in >$(LIB)/pkgconfig/libxroam-cid.pc
	$(foreach page,$(MAN_PAGES),install -D -m 644 docs/$(page) $(call man_dir,$(page))/$(page) &&) true
	$(FILL_IN) 'scripts/xroam@.service' >'$(UNITS)/xroam@.service'
	$(FILL_IN) -e 's|%i|default|g' 'scripts/xroam@.service' >$(UNITS)/xroam.service
	install -D -m 644 scripts/xroam.sysusers $(SYSUSERS)/xroam.conf
	install -D -m 644 scripts/completion/xroam.bash $(BASH_COMPLETIONS)/xroam
	install -D -m 644 scripts/completion/_xroam $(ZSH_COMPLETIONS)/_xroam
	install -D -m 644 scripts/completion/xroam.fish $(FISH_COMPLETIONS)/xroam.fish
	install -d $(HOOKS)
	install -m 755 scripts/hooks/* $(HOOKS)/
	install -m 644 docs/examples/*.yaml $(EXAMPLES)/
	install -d $(EXAMPLES)/prometheus
	install -m 644 docs/prometheus/* $(EXAMPLES)/prometheus/
	$(MAKE_USER)
	$(LDCONFIG)

# Neither /etc/xroam nor what runs: "xroam destroy" ends an instance.
uninstall:
	rm -f $(SBIN)/xroam $(addprefix $(LIBEXEC)/,$(notdir $(PROGRAMS)))
	rm -f $(addprefix $(LIB)/,$(notdir $(CID_A) $(CID_SO)) $(CID_SONAME) libxroam-cid.so pkgconfig/libxroam-cid.pc)
	rm -f $(HEADERS:%=$(INCLUDE)/%)
	rm -f $(foreach page,$(MAN_PAGES),$(call man_dir,$(page))/$(page))
	rm -f '$(UNITS)/xroam@.service' $(UNITS)/xroam.service $(SYSUSERS)/xroam.conf
	rm -f $(BASH_COMPLETIONS)/xroam $(ZSH_COMPLETIONS)/_xroam $(FISH_COMPLETIONS)/xroam.fish
	rm -f $(patsubst docs/examples/%,$(EXAMPLES)/%,$(wildcard docs/examples/*.yaml))
	rm -f $(patsubst docs/%,$(EXAMPLES)/%,$(wildcard docs/prometheus/*))
	rm -f $(patsubst scripts/hooks/%,$(HOOKS)/%,$(wildcard scripts/hooks/*))
	-rmdir $(LIBEXEC) $(HOOKS) $(SHARE)/xroam $(INCLUDE) $(EXAMPLES)/prometheus $(EXAMPLES) $(SHARE)/doc/xroam
	$(LDCONFIG)

# Of a copy, as packaging leaves files in the tree. What is built of BPF goes along: it is the
# same; user space is compiled again, as the distribution hardens it.
DEB := $(BUILD)/deb
deb-tree: $(SKEL)
	rm -rf $(DEB)
	mkdir -p $(DEB)/xroam/debian/build
	tar -c --exclude-vcs --exclude=./$(BUILD) . | tar -x -C $(DEB)/xroam
	tar -c -C $(BUILD) bpf $(SKEL:$(BUILD)/%=%) | tar -x -C $(DEB)/xroam/debian/build

deb: deb-tree
	cd $(DEB)/xroam && dpkg-buildpackage -us -uc -b -nc
	rm -rf $(DEB)/xroam
	@ls $(DEB)/*.deb

clean:
	rm -rf $(BUILD)
