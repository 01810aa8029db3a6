# Builds the codec library, the command line program and the tests; see `make help`.
# Everything built lies under $(BUILD). Variables: CC, CPPFLAGS, CFLAGS (added last), LDFLAGS, BUILD,
# V=1 (show commands), WERROR=1, BLAS=none (no OpenBLAS backend), PREFIX and DESTDIR (install),
# KERNEL_CFLAGS (after CFLAGS, for models/kernels only).
# Objects are built again when any of these change the command line. All cores are used, unless -j
# says how many.

BUILD  ?= build
PREFIX ?= /usr/local
BLAS   ?= auto
Q      := $(if $(V),,@)
say     = $(if $(V),,@echo '  $1')

# Where another make calls this one, that one says how many jobs there are; `make clean all` wants one
# after the other.
ifeq ($(MAKELEVEL)$(filter clean,$(MAKECMDGOALS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif

MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))

# Contraction would change the bits of the strict path and with them the files: it stays off
# everywhere, and no object anywhere is built with -ffast-math. That nobody looks at floating-point
# flags (-fno-trapping-math) changes no value, and lets comparisons be vectors.
WARNINGS := -Wall -Wextra -Wshadow -Wconversion $(if $(WERROR),-Werror)
FLAGS    := -std=c11 -O2 -fPIC -fvisibility=hidden -ffp-contract=off -pthread -I. \
            -D_POSIX_C_SOURCE=200809L $(WARNINGS) $(if $(filter none,$(BLAS)),-DLIC_NO_OPENBLAS)

# A kernel source is compiled for the instruction set that its name ends in (strict_avx2.c); one that
# is not for this machine is empty behind its own #if.
ifeq ($(MACHINE),x86_64)
ISA_fma    := -mfma
ISA_sse4   := -msse4.1
ISA_avx2   := -mavx2 -mfma -mf16c
ISA_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512
ISA_avx512vnni := $(ISA_avx512) -mavx512vnni
ISA_avx2vnni := $(ISA_avx2) $(shell echo | $(CC) -mavxvnni -E - >/dev/null 2>&1 && echo -mavxvnni)
endif
ifeq ($(MACHINE),aarch64)
ISA_neondot := -march=armv8.2-a+dotprod
endif
isa_flags = $(ISA_$(lastword $(subst _, ,$(basename $(notdir $1)))))
speed     = $(if $(filter models/% entropy/% cli/rd/metrics.c cli/picture/png_pack.c,$1),-O3) $(if $(filter entropy/%,$1),-fno-tree-slp-vectorize) \
            $(if $(filter codec/latent.c codec/pixels.c,$1),-O3 -fno-trapping-math) \
            $(if $(filter models/kernels/%,$1),$(call isa_flags,$1))

# pkg-config where it is there, the usual names where it is not.
pkg       = $(shell pkg-config $1 $2 2>/dev/null || echo $3)
IO_CFLAGS := $(call pkg,--cflags,libpng libjpeg,)
IO_LIBS   := $(call pkg,--libs,libpng libjpeg,-lpng16 -ljpeg)
Z_LIBS    := $(call pkg,--libs,zlib,-lz)
LIC_LIBS  := $(Z_LIBS) -ldl -pthread

LIB_SOURCES  := $(wildcard codec/*.c codec/base/*.c entropy/*.c models/*.c models/kernels/*.c)
CLI_SOURCES  := $(wildcard cli/*.c cli/*/*.c)
TEST_SOURCES := $(wildcard tests/unit/*.c tests/parity/*.c tests/golden/*.c tests/cli/*.c tests/fuzz/*.c)
LIB_OBJECTS  := $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
CLI_OBJECTS  := $(CLI_SOURCES:%.c=$(BUILD)/obj/%.o)
TEST_OBJECTS := $(TEST_SOURCES:%.c=$(BUILD)/obj/%.o)
TESTS        := $(foreach s,$(TEST_SOURCES:tests/%.c=%),$(BUILD)/tests/$(subst /,_,$s))

## make: build/lic, build/liblic.a and build/liblic.so
all: $(BUILD)/lic $(BUILD)/liblic.a $(BUILD)/liblic.so

## make demo: install what is missing, build, compress and decode a sample photograph
demo: setup
	$(Q)$(MAKE) --no-print-directory all
	$(Q)LIC=$(BUILD)/lic cli/demo.sh $(BUILD)/demo

## make check: install what is missing, build, run all tests
check: setup
	$(Q)$(MAKE) --no-print-directory all programs
	$(Q)BUILD=$(BUILD) tests/run.sh

## make check-full: also all tests with sanitizers, threads under TSan, a round trip under valgrind
check-full: check
	$(Q)MAKE='$(MAKE)' BUILD=$(BUILD) tests/full.sh

## make fuzz SECONDS=60: fuzz each target of tests/fuzz that long (TARGETS="png decode": only these)
fuzz: all
	$(Q)MAKE='$(MAKE)' BUILD=$(BUILD) tests/fuzz/run.sh $(or $(SECONDS),60) $(TARGETS)

## make check-cross: parity, golden layers and hashes on emulated AArch64 and x86-64 without FMA
check-cross:
	$(Q)BUILD=$(BUILD) tests/cross.sh

## make tests: build the test programs only
tests programs: $(TESTS) desktop

## make bench: time encoding and decoding, one JSON line per case
bench: all
	$(Q)BUILD=$(BUILD) tests/bench/run.sh

## make format: clang-format over all C sources
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

## make clean: remove the build folder
clean:
	rm -rf $(BUILD)

## make help: this list
help:
	@sed -n 's/^## /  /p' Makefile cli/package/package.mk codec/web/web.mk
	@echo '  Variables: CC=clang V=1 WERROR=1 BLAS=none BUILD=folder CPPFLAGS= CFLAGS= LDFLAGS= PREFIX= DESTDIR='

setup:
	$(Q).ci/setup.sh

$(BUILD)/lic: $(CLI_OBJECTS) $(BUILD)/liblic.a
	$(call say,link   $@)
	$(Q)$(CC) -o $@ $^ $(CFLAGS) $(LDFLAGS) $(IO_LIBS) $(LIC_LIBS) -lm

$(BUILD)/liblic.a: $(LIB_OBJECTS)
	$(call say,ar     $@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Without -lm: the networks must not lean on the C library's mathematics, whose bits differ by machine.
$(BUILD)/liblic.so.0: $(LIB_OBJECTS)
	$(call say,link   $@)
	$(Q)$(CC) -shared -Wl,-soname,liblic.so.0 $(if $(findstring -fsanitize,$(CFLAGS)),,-Wl,--no-undefined) \
	    -o $@ $^ $(CFLAGS) $(LDFLAGS) $(LIC_LIBS)

$(BUILD)/liblic.so: $(BUILD)/liblic.so.0
	$(Q)ln -sf liblic.so.0 $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,cc     $<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(call speed,$<) $(if $(filter cli/%,$<),$(IO_CFLAGS)) -MMD -MP $(CPPFLAGS) $(CFLAGS) \
	    $(if $(filter models/kernels/%,$<),$(KERNEL_CFLAGS)) -c -o $@ $<

# Tests of the program's own parts get all of it but main().
parts = $(if $(filter tests/cli/% tests/fuzz/%,$1),$(filter-out %/cli/lic.o,$(CLI_OBJECTS)))

define test_program
$(BUILD)/tests/$(subst /,_,$(1:tests/%.c=%)): $(BUILD)/obj/$(1:.c=.o) $(call parts,$1) $(BUILD)/liblic.a
	$(call say,link   $$@)
	$(Q)mkdir -p $$(@D)
	$(Q)$(CC) -o $$@ $$^ $(CFLAGS) $$(LDFLAGS) $(if $(call parts,$1),$(IO_LIBS)) $(LIC_LIBS) -lm
endef
$(foreach s,$(TEST_SOURCES) tests/cross_hash.c,$(eval $(call test_program,$s)))

# This one lets damaged latents through, to see what is behind the checks.
$(BUILD)/tests/fuzz_fuzz_decode: override LDFLAGS += -Wl,--wrap=lic_latent_check,--wrap=lic_range_decoder_ok,--wrap=lic_range_decoder_cut

# This one has a disk that fails.
$(BUILD)/tests/cli_test_image_io: override LDFLAGS += -Wl,--wrap=pread

# This one refuses allocations.
comma := ,
REFUSED := malloc calloc realloc free strdup realpath deflateInit_ deflateInit2_ inflateInit_
$(BUILD)/tests/cli_test_no_memory: override LDFLAGS += $(REFUSED:%=-Wl$(comma)--wrap=%)

# Holds the flags of the last build; touched only when they change. Says what was chosen, once.
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@echo '$(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS) $(KERNEL_CFLAGS) $(IO_LIBS) $(LIC_LIBS)' > $@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; \
	    echo '  using  $(CC) for $(MACHINE); image libraries: $(IO_LIBS); OpenBLAS backend:' \
	    '$(if $(filter none,$(BLAS)),none,loaded at run time when the library is there)'; fi

.PHONY: all demo check check-cross check-full fuzz tests programs bench format clean help setup FORCE
.SECONDARY: $(TEST_OBJECTS)

include cli/package/package.mk
include codec/web/web.mk
-include $(LIB_OBJECTS:.o=.d) $(CLI_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d)
