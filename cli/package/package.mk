# package.mk - installing, uninstalling and packaging; the Makefile includes it. What is installed is
# listed once, as MODE,FILE,PLACE, so that `make uninstall` takes away what `make install` put there.

VERSION    := $(shell sed -n 's/^.define LIC_VERSION *"\(.*\)"/\1/p' codec/lic.h)
SONAME     := liblic.so.0
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share

INSTALL_LIST := 755,$(BUILD)/lic,$(BINDIR)/lic \
    644,$(BUILD)/liblic.a,$(LIBDIR)/liblic.a \
    644,$(BUILD)/$(SONAME),$(LIBDIR)/liblic.so.$(VERSION) \
    644,$(BUILD)/lic.pc,$(LIBDIR)/pkgconfig/lic.pc \
    644,codec/lic.h,$(INCLUDEDIR)/lic.h \
    $(foreach w,$(wildcard models/weights/*.licw),644,$w,$(DATADIR)/lic/$(notdir $w)) \
    644,cli/lic.1,$(DATADIR)/man/man1/lic.1 \
    644,$(BUILD)/completion/bash,$(DATADIR)/bash-completion/completions/lic \
    644,$(BUILD)/completion/zsh,$(DATADIR)/zsh/site-functions/_lic \
    644,$(BUILD)/completion/fish,$(DATADIR)/fish/vendor_completions.d/lic.fish
comma        := ,
SHORT_NAMES := clic dlic
INSTALLED    = $(foreach e,$(INSTALL_LIST) $(DESKTOP_LIST),$(lastword $(subst $(comma), ,$e))) \
    $(LIBDIR)/$(SONAME) $(LIBDIR)/liblic.so $(SHORT_NAMES:%=$(BINDIR)/%) $(SHORT_NAMES:%=$(DATADIR)/man/man1/%.1)

## make install: into $(DESTDIR)$(PREFIX): program, library, header, weights, manual page, completions
install: all
	$(Q)$(MAKE) --no-print-directory install-files

# Without building first, for those who have built with other flags. Files go beside their place and
# are renamed, so that a running program keeps the library that it has mapped.
install_all = set -e; for entry in $1; do \
    IFS=,; set -- $$entry; unset IFS; to='$(DESTDIR)'$$3; \
    install -d "$$(dirname "$$to")"; install -m "$$1" "$$2" "$$to.new"; mv -f "$$to.new" "$$to"; done

install-files: $(BUILD)/lic.pc
	$(call say,install $(DESTDIR)$(PREFIX))
	$(Q)mkdir -p $(BUILD)/completion
	$(Q)for shell in bash zsh fish; do $(BUILD)/lic --completion $$shell >$(BUILD)/completion/$$shell || exit 1; done
	$(Q)$(call install_all,$(INSTALL_LIST))
	$(Q)ln -sf liblic.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	$(Q)ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/liblic.so'
	$(Q)for name in $(SHORT_NAMES); do ln -sf lic '$(DESTDIR)$(BINDIR)'/$$name; \
	    echo .so man1/lic.1 >'$(DESTDIR)$(DATADIR)'/man/man1/$$name.1; done

## make uninstall: what `make install` and `make install-desktop` with the same DESTDIR and PREFIX put there
uninstall:
	$(call say,remove $(DESTDIR)$(PREFIX))
	$(Q)for file in $(INSTALLED); do rm -f '$(DESTDIR)'"$$file"; done
	$(Q)rmdir '$(DESTDIR)$(DATADIR)/lic' 2>/dev/null || true

# The places are those of this call, so it is made anew each time.
$(BUILD)/lic.pc: cli/package/lic.pc.in FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@WEIGHTSDIR@|$(DATADIR)/lic|' -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(LIC_LIBS)|' $< >$@

# ---- desktop ----

DESKTOP_VIEW  := $(addprefix $(BUILD)/obj/cli/package/desktop/,view.o shrink.o orientation.o)
PIXBUF_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags gdk-pixbuf-2.0 2>/dev/null))
PIXBUF_FOLDER ?= $(shell pkg-config --variable=gdk_pixbuf_moduledir gdk-pixbuf-2.0 2>/dev/null)
PIXBUF_LOADER := $(BUILD)/libpixbufloader-lic.so
ifneq ($(PIXBUF_CFLAGS),)
DESKTOP_LOADER := $(PIXBUF_LOADER)
endif

## make desktop: the thumbnailer and, where its headers are, the module for gdk-pixbuf
desktop: $(BUILD)/lic-thumbnailer $(DESKTOP_LOADER)
	$(if $(DESKTOP_LOADER),,@echo '  no module for gdk-pixbuf: its headers are not here (libgdk-pixbuf-2.0-dev)')

DESKTOP_LIST := 755,$(BUILD)/lic-thumbnailer,$(BINDIR)/lic-thumbnailer \
    644,cli/package/desktop/lic-thumbnailer.1,$(DATADIR)/man/man1/lic-thumbnailer.1 \
    644,cli/package/desktop/lic.thumbnailer,$(DATADIR)/thumbnailers/lic.thumbnailer \
    644,cli/package/desktop/lic.xml,$(DATADIR)/mime/packages/lic.xml \
    $(foreach f,$(DESKTOP_LOADER),644,$f,$(PIXBUF_FOLDER)/libpixbufloader-lic.so)

## make install-desktop: thumbnailer, file type and module for gdk-pixbuf; then run what it says
install-desktop: desktop
	$(Q)$(MAKE) --no-print-directory install-desktop-files
	@echo '  now: update-mime-database $(DATADIR)/mime$(if $(DESKTOP_LOADER),; gdk-pixbuf-query-loaders --update-cache)'

install-desktop-files:
	$(Q)$(call install_all,$(DESKTOP_LIST))

$(BUILD)/lic-thumbnailer: $(BUILD)/obj/cli/package/desktop/thumbnailer.o $(DESKTOP_VIEW) \
    $(filter-out %/cli/lic.o,$(CLI_OBJECTS)) $(BUILD)/liblic.a
	$(call say,link   $@)
	$(Q)$(CC) -o $@ $^ $(CFLAGS) $(LDFLAGS) $(IO_LIBS) $(LIC_LIBS) -lm

# An archive, so that only the parts are linked that are used.
$(BUILD)/libparts.a: $(filter-out %/cli/lic.o,$(CLI_OBJECTS))
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The library is inside, its names hidden: another version of it may be in the same program.
$(PIXBUF_LOADER): $(BUILD)/obj/cli/package/desktop/pixbuf_loader.o $(DESKTOP_VIEW) \
    $(BUILD)/libparts.a $(BUILD)/liblic.a
	$(call say,link   $@)
	$(Q)$(CC) -shared -Wl,--exclude-libs,ALL,--as-needed $(if $(findstring -fsanitize,$(CFLAGS)),,-Wl,--no-undefined) \
	    -o $@ $^ $(CFLAGS) $(LDFLAGS) $(shell pkg-config --libs gdk-pixbuf-2.0) $(IO_LIBS) $(LIC_LIBS) -lm

# Holds the folder of the weights, which is compiled in; touched only when it changes.
$(BUILD)/model-folder: FORCE
	@mkdir -p $(@D)
	@echo '$(DATADIR)/lic' | cmp -s - $@ || echo '$(DATADIR)/lic' >$@

$(BUILD)/obj/codec/model_find.o: $(BUILD)/model-folder
$(BUILD)/obj/codec/model_find.o: FLAGS += -DLIC_WEIGHTS_DIR='"$(DATADIR)/lic"'
$(BUILD)/obj/cli/package/desktop/pixbuf_loader.o: IO_CFLAGS = $(PIXBUF_CFLAGS)

$(BUILD)/tests/cli_test_view $(BUILD)/tests/fuzz_fuzz_container: $(DESKTOP_VIEW)

-include $(wildcard $(BUILD)/obj/cli/package/desktop/*.d)

.PHONY: desktop install-desktop install-desktop-files install install-files uninstall

## make deb: Debian packages in $(BUILD)/deb
deb:
	$(Q)MAKE='$(MAKE)' cli/package/debian/build.sh $(BUILD)/deb

.PHONY: deb

# ---- Python ----

# Debian's, as its packages are; another one that has setuptools and wheel does as well.
PYTHON ?= /usr/bin/python3

## make wheel: a Python wheel with the library and the student's weights in $(BUILD)/python
wheel: $(BUILD)/liblic.so.0
	$(Q)$(MAKE) --no-print-directory wheel-file

# Without building first, as install-files.
wheel-file:
	$(call say,wheel  $(BUILD)/python)
	$(Q)rm -rf $(BUILD)/python
	$(Q)SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || date +%s)} \
	    $(PYTHON) codec/python/build_wheel.py $(BUILD)/python $(BUILD)/liblic.so.0 \
	    $(wildcard models/weights/student*.licw)

.PHONY: wheel wheel-file
