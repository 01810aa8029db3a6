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
    644,cli/lic.1,$(DATADIR)/man/man1/lic.1
comma        := ,
INSTALLED    := $(foreach e,$(INSTALL_LIST),$(lastword $(subst $(comma), ,$e))) \
    $(LIBDIR)/$(SONAME) $(LIBDIR)/liblic.so

## make install: into $(DESTDIR)$(PREFIX): program, library, header, weights, manual page
install: all install-files

# Without building first, for those who have built with other flags. Files go beside their place and
# are renamed, so that a running program keeps the library that it has mapped.
install-files: $(BUILD)/lic.pc
	$(call say,install $(DESTDIR)$(PREFIX))
	$(Q)set -e; for entry in $(INSTALL_LIST); do \
	    IFS=,; set -- $$entry; unset IFS; to='$(DESTDIR)'$$3; \
	    install -d "$$(dirname "$$to")"; install -m "$$1" "$$2" "$$to.new"; mv -f "$$to.new" "$$to"; \
	done
	$(Q)ln -sf liblic.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	$(Q)ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/liblic.so'

## make uninstall: what `make install` with the same DESTDIR and PREFIX put there
uninstall:
	$(call say,remove $(DESTDIR)$(PREFIX))
	$(Q)for file in $(INSTALLED); do rm -f '$(DESTDIR)'"$$file"; done
	$(Q)rmdir '$(DESTDIR)$(DATADIR)/lic' 2>/dev/null || true

# The places are those of this call, so it is made anew each time.
$(BUILD)/lic.pc: cli/lic.pc.in FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(LIC_LIBS)|' $< >$@

.PHONY: install install-files uninstall
