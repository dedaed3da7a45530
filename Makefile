# make            build/watchbot, build/watchbot-log, build/watchbot/core.so (the Lua module), build/libwatchbot.a (for C hosts)
# make demo       install what is missing, build, and show watchbot at work
# make test       install what is missing, build, run every test; SANITIZE=1 for AddressSanitizer and UBSan
# make lint       warnings, luacheck, cppcheck
# make bench      measure; prints ratios from one run
# make install    PREFIX=/usr/local DESTDIR=

PREFIX  ?= /usr/local
DESTDIR ?=
CFLAGS  ?= -O2 -g
WERROR  ?= -Werror
SPECS   ?= spec

# watchbot-log is static: it starts faster, and can be copied alone into any image. LOG_LDFLAGS= where there is no libc.a.
LOG_LDFLAGS ?= $(if $(SANITIZE),,-static)

LUA      := lua5.4
PACKAGES := libcurl openssl sqlite3

B := build
ifdef SANITIZE
B      := build/sanitize
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif

# What is missing is installed before the flags are asked for; `make clean` needs nothing.
ifneq ($(MAKECMDGOALS),clean)
ignored := $(shell .ci/install-packages build >&2)
endif

override CFLAGS += -std=gnu11 -fPIC -fvisibility=hidden -Iinclude -Isrc -I$(B) -MMD -MP \
  -Wall -Wextra -Wshadow -Wstrict-prototypes $(WERROR) $(shell pkg-config --cflags lua5.4 $(PACKAGES))
LIBS        := $(shell pkg-config --libs $(PACKAGES))
STATIC_LUA  := $(addprefix $(shell pkg-config --variable=libdir lua5.4)/,liblua5.4.a liblua5.4-cjson.a liblua5.4-expat.a) \
  -lexpat -lm -ldl

LUA_FILES := $(sort $(shell find lua -name '*.lua'))
OTHERS    := $(addprefix src/,main.c log_main.c embed.c preload.c)
CORE      := $(patsubst src/%.c,$(B)/obj/%.o,$(filter-out $(OTHERS),$(wildcard src/*.c)))
EMBED     := $(addprefix $(B)/obj/,embed.o preload.o bundle.o)

.PHONY: all demo test lint bench install clean check-packages
all: $(B)/watchbot $(B)/watchbot-log $(B)/lib/watchbot/core.so $(B)/libwatchbot.a

$(B)/watchbot: $(B)/obj/main.o $(EMBED) $(CORE)
	$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--export-dynamic -o $@ $^ $(STATIC_LUA) $(LIBS)

$(B)/watchbot-log: $(addprefix $(B)/obj/,log_main.o lines.o json.o buffer.o clock.o sigpipe.o)
	$(CC) $(CFLAGS) $(LDFLAGS) $(LOG_LDFLAGS) -o $@ $^

$(B)/lib/watchbot/core.so: $(CORE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $^ $(LIBS)

$(B)/libwatchbot.a: $(EMBED) $(CORE)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(B)/obj/bundle.o: $(B)/bundle.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(B)/bundle.c: src/bundle.lua $(LUA_FILES)
	@mkdir -p $(@D)
	$(LUA) src/bundle.lua lua $(LUA_FILES) > $@

-include $(wildcard $(B)/obj/*.d)

# The specs run in Debian's lua5.4, or, for the sanitizers, in an interpreter that is built with them.
TEST_LUA := $(LUA)
ifdef SANITIZE
TEST_LUA := $(B)/lua
endif

$(B)/lua: spec/support/lua.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MF $(B)/lua.d $(LDFLAGS) -Wl,--export-dynamic -o $@ $< $(STATIC_LUA)

check-packages:
	@.ci/install-packages test

test: check-packages all $(filter $(B)/lua,$(TEST_LUA))
	WATCHBOT_BUILD=$(B) spec/run $(TEST_LUA) $(SPECS)

demo: all
	@spec/examples/demo $(B)

bench: check-packages all
	$(LUA) spec/bench/run.lua $(B) $(PARTS)

lint: check-packages
	luacheck --quiet lua spec src
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability --suppress=missingIncludeSystem -Iinclude -Isrc src

clean:
	rm -rf build
