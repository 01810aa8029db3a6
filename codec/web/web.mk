# web.mk - the decoder for browsers (codec/web/README.md), included by the Makefile. Needs Debian's
# emscripten. Four builds of one program: with threads or without, with fused multiply-adds or with
# exact ones made of doubles; a page loads one of them.

WEB         := $(BUILD)/web
WEB_BUILDS  := single single-fma threads threads-fma
EMCC        ?= NODE_PATH=/usr/share/nodejs emcc
WEB_ZLIB    := $(BUILD)/zlib-source/zlib
WEB_SOURCES := codec/web/web.c $(filter-out codec/model_find.c,$(wildcard codec/*.c)) \
               $(wildcard codec/base/*.c entropy/*.c models/*.c)
WEB_PARTS   := adler32 crc32 inffast inflate inftrees zutil
WEB_FLAGS   := -std=c11 -Os -msimd128 -ffp-contract=off -I. -I$(WEB_ZLIB) -D_POSIX_C_SOURCE=200809L \
               -DLIC_NO_OPENBLAS $(WARNINGS)
WEB_LINK    := -Os -msimd128 -s MODULARIZE=1 -s EXPORT_NAME=licDecoder -s ENVIRONMENT=worker \
               -s FILESYSTEM=0 -s MALLOC=emmalloc -s ALLOW_MEMORY_GROWTH=1 -s MAXIMUM_MEMORY=2GB \
               -s TOTAL_STACK=1MB -s SUPPORT_LONGJMP=0 -s EXPORTED_FUNCTIONS=_malloc,_free \
               -s EXPORTED_RUNTIME_METHODS=UTF8ToString -Wno-pthreads-mem-growth
WEB_PAGE    := index.html lic.js worker.js serve.py

web_flags   = $(if $(findstring threads,$1),-pthread) $(if $(findstring fma,$1),-mrelaxed-simd -DLIC_WASM_HAS_FMA)
web_kernels = $(patsubst %,$(BUILD)/obj-web/$1/models/kernels/%.o,dispatch \
              $(if $(findstring fma,$1),strict_wasm_fma,strict_wasm strict_wasm_rounded))
# All but the kernels is the same with fused multiply-adds and without.
web_common  = $(addprefix $(BUILD)/obj-web/$(1:-fma=)/,$(WEB_SOURCES:.c=.o) $(WEB_PARTS:%=zlib/%.o))
web_objects = $(web_common) $(web_kernels)

## make web: build/web, the decoder for browsers and a page with it, for any web server
web: $(WEB_PAGE:%=$(WEB)/%) $(WEB)/weights.licw $(WEB)/weights.previews.licw $(WEB_BUILDS:%=$(WEB)/lic-%.js)

$(WEB)/%: codec/web/%
	$(Q)mkdir -p $(@D) && cp $< $@

$(WEB)/weights%licw: models/weights/student%licw
	$(Q)mkdir -p $(@D) && cp $< $@

$(WEB_ZLIB)/inflate.c:
	$(call say,fetch  zlib)
	$(Q)mkdir -p $(BUILD)/zlib-source && codec/web/zlib.sh $(BUILD)/zlib-source

define web_build
$(BUILD)/obj-web/$1/%.o: %.c codec/web/web.mk | $(WEB_ZLIB)/inflate.c
	$(call say,emcc   $$<)
	$(Q)mkdir -p $$(@D) && $(EMCC) $(WEB_FLAGS) $(call web_flags,$1) $$(if $$(filter models/kernels/%,$$<),-O3) -MMD -MP -c -o $$@ $$<

$(BUILD)/obj-web/$1/zlib/%.o: $(WEB_ZLIB)/inflate.c codec/web/web.mk
	$(call say,emcc   zlib/$$*.c)
	$(Q)mkdir -p $$(@D) && $(EMCC) -w -Os $(call web_flags,$1) -c -o $$@ $(WEB_ZLIB)/$$*.c

$(WEB)/lic-$1.js: $(call web_objects,$1) codec/web/relaxed.py
	$(call say,link   $$@)
	$(Q)mkdir -p $$(@D) && $(EMCC) $(WEB_LINK) $(call web_flags,$1) \
	    $(if $(findstring threads,$1),-s PTHREAD_POOL_SIZE='Module["licThreads"]') -o $$@ $$(filter %.o,$$^)
	$(Q)codec/web/relaxed.py $(WEB)/lic-$1.wasm

-include $(patsubst %.o,%.d,$(filter-out $(BUILD)/obj-web/$(1:-fma=)/zlib/%,$(call web_objects,$1)))
endef
$(foreach b,$(WEB_BUILDS),$(eval $(call web_build,$b)))

# The kernels against plain C, for node.
define web_test
$(BUILD)/web-test-$1.js: tests/web/test_wasm_kernels.c models/kernels/strict_scalar.c $(filter %/codec/base/bytes.o \
    %/models/check.o %/strict_wasm.o %/strict_wasm_fma.o %/strict_wasm_rounded.o %/zlib/crc32.o,$(call web_objects,$1))
	$(call say,link   $$@)
	$(Q)$(EMCC) $(WEB_FLAGS) -O2 $(call web_flags,$1) -s ENVIRONMENT=node -s ALLOW_MEMORY_GROWTH=1 -s EXIT_RUNTIME=1 \
	    -o $$@ $$^
	$(Q)codec/web/relaxed.py $(BUILD)/web-test-$1.wasm
endef
$(foreach b,single single-fma,$(eval $(call web_test,$b)))

## make check-web: install emscripten and chromium where they are missing, build, decode in the browser
check-web:
	$(Q).ci/setup.sh emscripten chromium node-acorn
	$(Q)$(MAKE) --no-print-directory all web $(BUILD)/web-test-single.js $(BUILD)/web-test-single-fma.js
	$(Q)BUILD=$(BUILD) tests/web/run.sh

.PHONY: web check-web
