# What is made of the sources for those who do not build them: see .package/README.md. ARCH=arm64 builds for that machine with
# Debian's cross compiler.
#
# make static     build/static/ARCH/watchbot and watchbot-log: no file of the host's is needed

MACHINE := $(shell uname -m)
ARCH    ?= $(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(MACHINE)))

TRIPLET := $(or $(if $(filter amd64,$(ARCH)),x86_64-linux-gnu),$(if $(filter arm64,$(ARCH)),aarch64-linux-gnu),unknown)
CROSS   := $(if $(filter $(MACHINE),$(firstword $(subst -, ,$(TRIPLET)))),,$(TRIPLET)-)
S       := build/static/$(ARCH)
ROOT    := $(S)/root
ROOT_A  := $(ROOT)/usr/lib/$(TRIPLET)

.PHONY: static
static: $(S)/watchbot $(S)/watchbot-log

$(S)/packages: .package/sysroot .package/apt-options
	@.package/sysroot $(S) $(ARCH)

$(S)/curl/usr/lib/libcurl.a: .package/libcurl .package/curl.sha256 | $(S)/packages
	@.package/libcurl $(S) $(ARCH)

$(S)/roots.c: .package/roots.pem
	@mkdir -p $(@D)
	@{ echo 'extern const char trust_roots[]; extern const unsigned long trust_roots_size; const char trust_roots[] ='; \
	  sed 's/.*/"&\\n"/' $<; echo '; const unsigned long trust_roots_size = sizeof trust_roots - 1;'; } > $@

# Positions are independent, so that addresses differ from run to run; packed, since there are many of them.
STATIC_LINK ?= -static-pie -Wl,--gc-sections $(if $(filter amd64,$(ARCH)),-Wl$(comma)-z$(comma)pack-relative-relocs)
comma       := ,

# The same rules again, in a build folder of its own; a sub-make's variables win over those of the Makefile.
STATIC_MAKE = $(MAKE) --no-print-directory B=$(S)/build CC=$(CROSS)gcc AR=$(CROSS)ar CFLAGS="-O2 -g" DEPS= \
  PROGRAM_LDFLAGS="$(STATIC_LINK)" COVER="$(S)/roots.c" \
  PKG_CFLAGS="-DWATCHBOT_STATIC -DCURL_STATICLIB -isystem $(S)/curl/usr/include -isystem $(ROOT)/usr/include \
    -isystem $(ROOT)/usr/include/$(TRIPLET) -isystem $(ROOT)/usr/include/lua5.4" \
  STATIC_LUA="$(addprefix $(ROOT_A)/,liblua5.4.a liblua5.4-cjson.a liblua5.4-expat.a libexpat.a)" \
  LIBS="$(S)/curl/usr/lib/libcurl.a $(addprefix $(ROOT_A)/,libssl.a libcrypto.a libsqlite3.a libcares.a) -lm -lpthread -ldl"

$(S)/watchbot $(S)/watchbot-log: $(S)/% : FORCE | $(S)/curl/usr/lib/libcurl.a $(S)/roots.c
	@mkdir -p $(S)/build && touch $(S)/build/libraries
	@$(STATIC_MAKE) $(S)/build/$*
	@$(CROSS)strip -o $@ $(S)/build/$*

.PHONY: FORCE
FORCE:

# The specs of what is packaged, in roots where nothing of the build is. Needs root.
PACKAGE_SPECS ?= .package/spec
.PHONY: test-static
test-static: all static
	env STATIC_FOLDER=$(S) LUA_PATH=".package/spec/?.lua;;" WATCHBOT_BUILD=$(B) .package/spec/alone \
	  spec/run $(LUA) .package/spec/static_spec.lua
