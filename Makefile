# make            build/watchbot, build/watchbot-log, build/watchbot/core.so (the Lua module),
#                 build/libwatchbot.a (for C hosts)
# make deps       install the packages that the build needs (Debian, Ubuntu)
# make test-deps  install those, and the packages of the tests
# make demo       make deps, build, and show watchbot at work; CONSOLE=1 keeps the console running
#                 for a browser
# make test       make test-deps, build, run every test; SANITIZE=1 for AddressSanitizer and UBSan
# make test-slow  the ten spec files that took longest in the last run of all
# make test-ric   unmodified Lambda runtime clients, got by npm and built, which takes minutes
# make test-sdk   AWS's SDK for JavaScript, the CDK and a client of SQLite, from npm
# make test-browser  the console in a real browser, which is got by apt and npm
# make test-gc    the specs of what stands between C and Lua, with a full collection wherever Lua
#                 may collect
# make valgrind   a smoke set of specs under valgrind
# make fuzz       bytes at random for what parses, FUZZ=30 seconds for each driver in spec/fuzz
#                 (clang, libFuzzer)
# make coverage   which lines of Lua and C the specs run: takes as long as the tests
# make lint       warnings, luacheck, cppcheck, clang-tidy, clang-format, shellcheck, spec/lint
# make compile_commands  compile_commands.json, for editors (clangd)
# make analyze    gcc's -fanalyzer and clang's analyzer; each finding is fixed, or answered in
#                 spec/lint/analyzed
# make generated  the manual pages and editors' definitions that are made from lists in the code
# make bench      measure; prints ratios from one run
# make mutants    faults planted one at a time, which the specs must see: takes its time
# make soak       10,000 messages on each queue and runner while everything fails at random;
#                 SOAK_MESSAGES=500 for a short one; PARTS="handlers processes": a million Lua jobs
#                 and 50,000 processes in one watcher
# make install    PREFIX=/usr/local DESTDIR= ; make uninstall takes the same away
# VENDORED=1 compiles Lua, lua-cjson and LuaExpat from LUA_TARBALL=, CJSON_TARBALL=,
# LUAEXPAT_TARBALL=, where there are no static libraries of them. V=1 shows whole commands.

PREFIX       ?= /usr/local
DESTDIR      ?=
BINDIR       ?= $(PREFIX)/bin
LIBDIR       ?= $(PREFIX)/lib
INCLUDEDIR   ?= $(PREFIX)/include
DOCDIR       ?= $(PREFIX)/share/doc/watchbot
MANDIR       ?= $(PREFIX)/share/man
BASH_COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions
ZSH_COMPLETIONS  ?= $(PREFIX)/share/zsh/site-functions
FISH_COMPLETIONS ?= $(PREFIX)/share/fish/vendor_completions.d
INSTALL_CMOD ?= $(PREFIX)/lib/lua/5.4
INSTALL_LMOD ?= $(PREFIX)/share/lua/5.4

CFLAGS ?= -O2 -g
# Errors of warnings are for CI and `make lint`: another compiler has other warnings.
WERROR ?= $(if $(CI),-Werror)
SPECS  ?= spec
say     = $(if $(V),,@printf '%-6s %s\n' $(1) $@;)

# watchbot-log is static: it starts faster, and can be copied alone into any image. LOG_LDFLAGS=
# where there is no libc.a.
LOG_LDFLAGS ?= $(if $(SANITIZE),,-static-pie)

# The static program (.package/package.mk) can load no module of Lua's that is written in C, and
# exports nothing.
PROGRAM_LDFLAGS ?= -pie -Wl,--export-dynamic

LUA      := lua5.4
# libcurl is not linked: src/libcurl.c opens it when it is first needed.
PACKAGES := openssl sqlite3

B := build
ifdef SANITIZE
B      := build/sanitize
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
  -fno-sanitize-recover=undefined
endif
ifdef COVERAGE
B      := build/coverage
CFLAGS := -O0 -g --coverage
COVER  := $(B)/obj/coverage.o -Wl,--wrap=luaL_newstate,--wrap=lua_newstate
endif

ifdef VENDORED
LUA        := $(B)/vendored/lua
LUA_PC     :=
STATIC_LUA := $(addprefix $(B)/vendored/,liblua.a libcjson.a liblxp.a)
EXPAT       = $(call once,EXPAT,pkg-config --libs expat)
override CPPFLAGS += -I$(B)/vendored/include
endif

# Nothing runs while this file is read: pkg-config is asked once, when a recipe first needs an
# answer. So `make -n` runs no package manager, and what `make deps` has just installed is found.
once        = $(if $(filter undefined,$(flavor $(1).known)),$(eval $(1).known := \
  $(shell { $(2); } 2>/dev/null)))$($(1).known)
LUA_PC      ?= $(call once,LUA_PC,for name in lua5.4 lua-5.4 lua54 lua; do \
  pkg-config --exists "$$name >= 5.4 $$name < 5.5" && echo $$name && break; done)
PKG_CFLAGS  = $(call once,PKG_CFLAGS,pkg-config --cflags $(LUA_PC) libcurl \
  $(PACKAGES) $(if $(VENDORED),expat))
LIBS        = $(call once,LIBS,pkg-config --libs $(PACKAGES)) -ldl
LUA_LIBDIR  = $(call once,LUA_LIBDIR,pkg-config --variable=libdir $(LUA_PC))
STATIC_LUA  ?= $(addprefix $(LUA_LIBDIR)/,liblua5.4.a liblua5.4-cjson.a liblua5.4-expat.a \
  libexpat.a)

# As Debian's dpkg-buildflags with hardening=+all; HARDENING= builds without. The sanitizers do not
# go with FORTIFY_SOURCE, which needs an optimizing compiler. Control-flow protection is for
# machines whose compiler knows it.
has_flag = $(call once,flag$(1),$(CC) -Werror $(1) -c -x c /dev/null -o /dev/null && echo $(1))
ifndef SANITIZE
FORTIFY   = $(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),-U_FORTIFY_SOURCE \
  -D_FORTIFY_SOURCE=$(call once,FORTIFY,[ "$$($(CC) -dumpversion | cut -d. -f1)" -ge 12 ] \
  && echo 3 || echo 2))
HARDENING ?= $(FORTIFY) -fstack-protector-strong -Wformat -Werror=format-security \
  $(call has_flag,-fstack-clash-protection) $(call has_flag,-fcf-protection)
HARDENED_LINK ?= -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
endif
override LDFLAGS += $(HARDENED_LINK)

# Times after 2038 and files over 2 GiB, on machines of 32 bits as well.
WIDE = $(call once,WIDE,$(CC) $(CFLAGS) -dM -E -x c /dev/null | grep -q 'SIZEOF_POINTER__ 4' \
  && echo -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64 || echo -D_FILE_OFFSET_BITS=64)

WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
  -Wwrite-strings -Wvla $(WERROR)
BUILD_CFLAGS = $(CFLAGS) $(HARDENING) $(WIDE) $(CPPFLAGS) -std=gnu11 -fPIC -fvisibility=hidden \
  -Iinclude -Isrc -I$(B) -MMD -MP -ffile-prefix-map=$(CURDIR)=. $(WARNINGS) $(PKG_CFLAGS)

LUA_FILES := $(sort $(shell find lua -name '*.lua'))
# What `watchbot test --spec` has in place of an installed busted: a folder with luassert/ and say/,
# of Debian's lua-luassert and lua-say. Where it has none, a few assertions are left: see
# doc/testing.md.
LUASSERT  ?= /usr/share/lua/5.4
carried    = $(shell find $(addprefix $(LUASSERT)/,luassert say) -name '*.lua' 2>/dev/null \
  | LC_ALL=C sort)
CARRIED   := $(wildcard $(addprefix $(LUASSERT)/,luassert/*.lua luassert/*/*.lua say/*.lua))
# What the console's pages refer to: style sheet, script, icon.
ASSETS    := $(sort $(wildcard $(addprefix lua/watchbot/console/*.,css js svg)))
LUA_DIRS  := $(sort $(shell find lua -type d))
MANUAL    := $(wildcard doc/man/*.[15])

# Definitions for editors are no code: the program does not carry them.
BUNDLED := $(filter-out lua/watchbot/meta/%,$(LUA_FILES)) $(ASSETS)

OTHERS    := $(addprefix src/,main.c init.c startup.c state.c log_main.c embed.c preload.c)
CORE      := $(patsubst src/%.c,$(B)/obj/%.o,$(filter-out $(OTHERS),$(wildcard src/*.c)))
EMBED     := $(addprefix $(B)/obj/,embed.o preload.o)

GENERATE := env LUA_PATH="lua/?.lua;lua/?/init.lua;;" LUA_CPATH="$(B)/lib/?.so;;" $(LUA)

.PHONY: all deps test-deps demo install uninstall clean compile_commands generated
.PHONY: test test-slow test-ric test-browser test-sdk test-gc valgrind fuzz coverage
.PHONY: analyze lint bench soak mutants
all: $(B)/watchbot $(B)/watchbot-log $(B)/lib/watchbot/core.so $(B)/libwatchbot.a

# These goals install missing packages first; all others only check, once for each build folder.
USING   := $(or $(MAKECMDGOALS),all)
TESTING := test test-deps test-ric test-browser test-gc valgrind soak bench lint coverage
DEPS    := $(if $(filter $(TESTING),$(USING)),test-deps,$(if $(filter demo,$(USING)),deps))

deps:
	@.ci/install-packages build

test-deps:
	@.ci/install-packages test

$(B)/vendored/lua: .package/vendored $(wildcard $(LUA_TARBALL) $(CJSON_TARBALL) $(LUAEXPAT_TARBALL))
	$(call say,LUA)CC="$(CC)" AR="$(AR)" CFLAGS="$(CFLAGS) $(HARDENING) $(WIDE)" \
	  .package/vendored $(@D) "$(LUA_TARBALL)" "$(CJSON_TARBALL)" "$(LUAEXPAT_TARBALL)"

$(B)/libraries: .ci/libraries $(if $(VENDORED),$(LUA)) | $(DEPS)
	@mkdir -p $(@D)
	@CC="$(CC)" LUA="$(LUA)" LUA_PC="$(LUA_PC)" STATIC="$(filter -static%,$(LOG_LDFLAGS))" \
	  CPPFLAGS="$(CPPFLAGS)" .ci/libraries $(STATIC_LUA)
	@touch $@

$(B)/watchbot: $(addprefix $(B)/obj/,main.o init.o startup.o state.o compiled.o) $(EMBED) $(CORE)
	$(call say,LINK)$(CC) $(BUILD_CFLAGS) $(LDFLAGS) $(PROGRAM_LDFLAGS) -o $@ $^ $(COVER) \
	  $(STATIC_LUA) $(EXPAT) -lm $(LIBS)

LOG := $(addprefix $(B)/obj/,log_main.o lines.o heads.o json.o buffer.o clock.o sigpipe.o)
$(B)/watchbot-log: $(LOG)
	$(call say,LINK)$(CC) $(BUILD_CFLAGS) $(LDFLAGS) $(LOG_LDFLAGS) -o $@ $^

$(B)/lib/watchbot/core.so: $(CORE)
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(BUILD_CFLAGS) $(LDFLAGS) -shared -o $@ $^ $(LIBS)

$(B)/libwatchbot.a: $(EMBED) $(B)/obj/source.o $(CORE)
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(B)/version.h: lua/watchbot/version.lua
	@mkdir -p $(@D)
	@sed -n 's/^return \(".*"\)$$/#define WATCHBOT_VERSION \1/p' $< > $@

$(B)/obj/log_main.o: $(B)/version.h
$(B)/obj/%.o: src/%.c | $(B)/libraries
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(BUILD_CFLAGS) -c -o $@ $<

$(B)/obj/%.o: $(B)/bundle/%.c | $(B)/libraries
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(BUILD_CFLAGS) -c -o $@ $<

# The folders, too: a file that was added or taken away changes them.
BUNDLER := src/generate/bundle.lua src/generate/nameless.lua
$(B)/bundle/source.c $(B)/bundle/compiled.c: $(BUNDLER) $(BUNDLED) $(LUA_DIRS) | $(B)/libraries
	@mkdir -p $(@D)
	$(call say,LUA)$(LUA) src/generate/bundle.lua $(basename $(@F)) lua $(BUNDLED) \
	  $(if $(filter compiled.c,$(@F)),-- $(LUASSERT) $(carried)) > $@.new && mv $@.new $@
$(B)/bundle/compiled.c: $(CARRIED)

-include $(wildcard $(B)/obj/*.d)

# The specs run in Debian's lua5.4, or, for the sanitizers, in an interpreter that is built with
# them.
TEST_LUA := $(LUA)
ifneq ($(SANITIZE)$(COVERAGE),)
TEST_LUA := $(B)/lua
endif

ifdef COVERAGE
$(B)/watchbot $(B)/lua: | $(B)/obj/coverage.o
$(B)/obj/coverage.o: spec/support/coverage.c | $(B)/libraries
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -O2 $(filter-out --coverage -O0,$(BUILD_CFLAGS)) -c -o $@ $<
endif

# The specs that build a C host need the flag as well; those that fail are no reason not to count.
# Left out is the spec of limits, which set hooks as well.
coverage: test-deps
	@$(MAKE) COVERAGE=1 all build/coverage/lua
	@rm -rf build/coverage/lines && mkdir -p build/coverage/lines build/coverage/bin
	@find build/coverage -name '*.gcda' -delete
	@printf '#!/bin/sh\nexec $(shell command -v $(CC)) "$$@" --coverage\n' > build/coverage/bin/cc
	@chmod +x build/coverage/bin/cc
	-PATH=$(CURDIR)/build/coverage/bin:$$PATH COVERAGE_DIR=$(CURDIR)/build/coverage/lines \
	  WATCHBOT_BUILD=build/coverage SPEC_EXCEPT=spec/limit_spec.lua \
	  spec/run build/coverage/lua $(SPECS)
	@$(LUA) spec/support/coverage.lua build/coverage

$(B)/lua: spec/support/lua.c | $(B)/libraries
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(BUILD_CFLAGS) -MF $(B)/lua.d $(LDFLAGS) -Wl,--export-dynamic \
	  -o $@ $< $(COVER) $(STATIC_LUA) $(EXPAT) -lm -ldl

test: test-deps all $(filter $(B)/lua,$(TEST_LUA))
	WATCHBOT_BUILD=$(B) spec/run $(TEST_LUA) $(SPECS)

test-slow:
	@[ -s build/spec-times ] || { echo "error: no times yet; run make test first" >&2; exit 1; }
	@head -n 10 build/spec-times

# With a pause of 0 % and steps without end, each of the collector's steps is a whole collection,
# finalizers included, and the next one is due as soon as anything is allocated: it comes at every
# place where Lua's API may collect. $LUA_INIT also reaches the Lua scripts that the specs start,
# but not the program watchbot, which has a state of its own.
GC_SPECS ?= $(wildcard $(patsubst %,spec/%_spec.lua,scheduler input log process scratch sqlite \
  http aws/core))
GC_ALWAYS := collectgarbage('incremental', 1, 100, 63) collectgarbage()

test-gc: test-deps all $(filter $(B)/lua,$(TEST_LUA))
	LUA_INIT="$(GC_ALWAYS)" WATCHBOT_BUILD=$(B) spec/run $(TEST_LUA) $(GC_SPECS)

valgrind: test-deps all
	WATCHBOT_BUILD=$(B) spec/run $(LUA) spec/valgrind_spec.lua

# Each driver has its own inputs under build/fuzz, kept from one time to the next: what was found is
# found again at once.
FUZZ    ?= 30
FUZZERS := $(patsubst spec/fuzz/%.c,build/fuzz/%,$(wildcard spec/fuzz/*.c))
build/fuzz/json: src/json.c src/buffer.c
build/fuzz/lines: src/lines.c src/heads.c src/json.c src/buffer.c src/clock.c src/sigpipe.c
build/fuzz/sigv4: src/sigv4.c src/canonical.c src/digest.c src/buffer.c
build/fuzz/ljson: src/ljson.c src/ljson_decode.c src/json.c src/buffer.c src/lerror.c src/lhandle.c
build/fuzz/guardian: src/guardian.c src/procfs.c
build/fuzz/request: src/request.c src/buffer.c
build/fuzz/request: MORE = $(call once,HTTP_PARSER,[ -e /usr/include/http_parser.h ] \
  && echo -DHAVE_HTTP_PARSER -lhttp_parser)
build/fuzz/lines: MORE := -Wl,--wrap=clock_gettime -DLINES_KEPT=256
FUZZ_CC := clang -O1 -g -std=gnu11 -fsanitize=address,undefined \
  -fno-sanitize-recover=undefined -Iinclude -Isrc

# What reads in Lua needs all of the core.
READERS := $(addprefix build/fuzz/,messages answers profiles arguments responses)
$(READERS): spec/fuzz/reader.h build/fuzz/core.a
$(READERS): MORE = build/fuzz/core.a $(LIBS) -lpthread

build/fuzz/obj/%.o: src/%.c $(wildcard src/*.h) | $(B)/libraries
	@mkdir -p $(@D)
	$(call say,FUZZ)$(FUZZ_CC) -fsanitize=fuzzer-no-link $(PKG_CFLAGS) -c -o $@ $<

build/fuzz/core.a: $(patsubst $(B)/obj/%,build/fuzz/obj/%,$(CORE))
	@rm -f $@
	@$(AR) rcs $@ $^

$(FUZZERS): build/fuzz/%: spec/fuzz/%.c spec/fuzz/fuzz.h | $(B)/libraries
	@mkdir -p $@.inputs
	$(call say,FUZZ)$(FUZZ_CC) -fsanitize=fuzzer $(PKG_CFLAGS) -o $@ $(filter %.c,$^) $(MORE) \
	  $(STATIC_LUA) $(EXPAT) -lm -ldl -lcrypto

fuzz: $(FUZZERS)
	@for one in $^; do echo "$$one"; \
	  $$one -max_total_time=$(FUZZ) -max_len=4096 -timeout=10 -verbosity=0 \
	    -print_final_stats=1 -artifact_prefix=$$one. $$one.inputs || exit; done

demo: deps all
	@CONSOLE="$(CONSOLE)" doc/examples/thumbnails/demo $(B)

# One entry for each C file, as the build compiles it.
DATABASE ?= compile_commands.json
compile_commands: | $(B)/version.h
	@{ echo '['; comma=; for file in src/*.c; do printf '%s' "$$comma"; comma=,; \
	  printf '{"directory": "%s", "file": "%s", "command": "%s"}\n' '$(CURDIR)' $$file \
	    '$(CC) $(filter-out -MMD -MP,$(BUILD_CFLAGS)) -c '$$file; done; echo ']'; } > $(DATABASE)

# The real runtime clients for Lambda, from npm: their native parts take minutes to build; kept.
test-ric: test-deps all
	spec/support/runtimes/obtain build/ric
	RIC=build/ric WATCHBOT_BUILD=$(B) spec/run $(LUA) spec/runner/resident/clients_spec.lua

# AWS's SDK for JavaScript and the CDK, from npm, at the other end of big messages and templates.
test-sdk: test-deps all
	SDK=$$(spec/support/sdk/obtain build/sdk) WATCHBOT_BUILD=$(B) \
	  spec/run $(LUA) spec/sdk_spec.lua doc/examples/cdk

# The console in Debian's chromium, driven by playwright-core from npm.
test-browser: test-deps all
	spec/support/browser/obtain build/browser
	BROWSER=build/browser WATCHBOT_BUILD=$(B) spec/run $(LUA) spec/console/browser_spec.lua

# Documents with tables that are lists in the code.
GENERATED := $(addprefix doc/,architecture.md metrics.md policy.md templates.md)

# The specs compare them with what this would make.
generated: $(B)/lib/watchbot/core.so $(B)/watchbot
	@mkdir -p lua/watchbot/meta
	for page in watchbot.1 watchbot-policy.5; do \
	  $(GENERATE) src/generate/man.lua $$page > $(B)/page && \
	    mv $(B)/page doc/man/$$page || exit; done
	for part in policy template; do \
	  $(GENERATE) src/generate/meta.lua $$part > $(B)/part && \
	    mv $(B)/part lua/watchbot/meta/$$part.lua || exit; done
	for shell in bash zsh fish; do \
	  $(GENERATE) src/generate/completions.lua $$shell > $(B)/part && \
	    mv $(B)/part .package/completions/watchbot.$$shell || exit; done
	for page in $(GENERATED); do \
	  $(GENERATE) src/generate/tables.lua $$page > $(B)/page && \
	    mv $(B)/page $$page || exit; done
	for stack in spec/template/golden/*.lua; do \
	  $(B)/watchbot template $$stack > $(B)/page && \
	    mv $(B)/page $${stack%.lua}.json || exit; done

bench: all
	@.ci/install-packages bench
	$(LUA) spec/bench/run.lua $(B) $(PARTS)

FORMATTED = $(wildcard src/*.[ch] include/*.h spec/support/*.c spec/fuzz/*.[ch] doc/examples/*/*.c)

# Faults planted one at a time, which the specs must see. MUTANTS=text for those whose name has it.
mutants: test-deps
	$(LUA) spec/mutants/run.lua

soak: test-deps all
	$(LUA) spec/soak/soak.lua $(B) $(PARTS)

# clang-format's layout differs between versions; this tree is laid out by that of Debian 12.
analyze: $(B)/version.h
	@spec/lint/analyze $(B) -std=gnu11 -Iinclude -Isrc -I$(B) $(PKG_CFLAGS)

# The scripts of sh and bash that git knows of.
SCRIPTS = $(shell git grep -lIE '^\#!.*[/ ](ba|da)?sh( |$$)' | xargs awk \
  'FNR == 1 && /^\#!/ { print FILENAME }')

lint: test-deps $(B)/version.h
	luacheck --quiet lua spec src doc
	$(CC) $(filter-out -MMD -MP,$(BUILD_CFLAGS)) -Werror -fsyntax-only src/*.c
	$(LUA) spec/lint/run.lua
	@if ! command -v shellcheck >/dev/null; then \
	  echo "shellcheck is not here: the shell scripts are not checked"; \
	  else set -x; shellcheck $(SCRIPTS); fi
	@if clang-format --version | grep -q 'version 14\.'; then \
	  set -x; clang-format --dry-run -Werror $(FORMATTED); \
	  else echo "clang-format 14 is not here: the layout of C is not checked"; fi
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem -Iinclude -Isrc src
	@mkdir -p build
	clang-tidy --quiet src/*.c spec/support/*.c spec/fuzz/*.c -- -std=gnu11 -Iinclude -Isrc -I$(B) \
	  $(PKG_CFLAGS) 2>build/tidy || { cat build/tidy; exit 1; }

# In folders as here, so that the links lead there. The specs of the examples need this tree.
DOCUMENTS = $(wildcard doc/*.md doc/*.svg doc/*.png doc/examples/*.md) \
  $(filter-out %_spec.lua,$(wildcard doc/examples/*/*))

install: all
	@echo "installing under $(DESTDIR)$(PREFIX)"
	@install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(DOCDIR)
	@install -m 755 $(B)/watchbot $(B)/watchbot-log $(DESTDIR)$(BINDIR)
	@install -m 644 include/watchbot.h $(DESTDIR)$(INCLUDEDIR)
	@install -m 644 $(B)/libwatchbot.a $(DESTDIR)$(LIBDIR)
	@install -D -m 755 $(B)/lib/watchbot/core.so $(DESTDIR)$(INSTALL_CMOD)/watchbot/core.so
	@for file in $(LUA_FILES) $(ASSETS); do \
	  install -D -m 644 $$file $(DESTDIR)$(INSTALL_LMOD)/$${file#lua/} || exit; done
	@install -m 644 LICENSE README.md CHANGELOG.md $(DESTDIR)$(DOCDIR)
	@for file in $(DOCUMENTS); do \
	  install -D -m $$([ -x $$file ] && echo 755 || echo 644) $$file \
	    $(DESTDIR)$(DOCDIR)/$$file || exit; done
	@for page in $(MANUAL); do \
	  install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; done
	@install -D -m 644 .package/completions/watchbot.bash $(DESTDIR)$(BASH_COMPLETIONS)/watchbot
	@install -D -m 644 .package/completions/watchbot.zsh $(DESTDIR)$(ZSH_COMPLETIONS)/_watchbot
	@install -D -m 644 .package/completions/watchbot.fish $(DESTDIR)$(FISH_COMPLETIONS)/watchbot.fish

uninstall:
	rm -f $(DESTDIR)$(BASH_COMPLETIONS)/watchbot $(DESTDIR)$(ZSH_COMPLETIONS)/_watchbot
	rm -f $(DESTDIR)$(FISH_COMPLETIONS)/watchbot.fish
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,watchbot watchbot-log)
	rm -f $(DESTDIR)$(INCLUDEDIR)/watchbot.h $(DESTDIR)$(LIBDIR)/libwatchbot.a
	rm -f $(foreach page,$(MANUAL),\
	  $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
	rm -rf $(DESTDIR)$(INSTALL_CMOD)/watchbot $(DESTDIR)$(INSTALL_LMOD)/watchbot $(DESTDIR)$(DOCDIR)

clean:
	rm -rf build

include .package/package.mk
