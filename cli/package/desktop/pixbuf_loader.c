/* pixbuf_loader.c - a gdk-pixbuf module, with which programs of GTK desktops open .lic files. It
 * first gathers the whole file, because a .lic file is checked as a whole before anything is
 * decoded. Then it decodes in the size that the program asks for, if that is smaller. Errors become
 * GErrors. */
#define GDK_PIXBUF_ENABLE_BACKEND

#include "cli/package/desktop/view.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>

/* gdk-pixbuf looks these up by name. */
G_MODULE_EXPORT void fill_vtable(GdkPixbufModule *module);
G_MODULE_EXPORT void fill_info(GdkPixbufFormat *info);

struct load {
    GdkPixbufModuleSizeFunc size_wanted;
    GdkPixbufModulePreparedFunc prepared;
    GdkPixbufModuleUpdatedFunc updated;
    gpointer user;
    GByteArray *data;
};

static gboolean fail(GError **error, GdkPixbufError code, const char *text)
{
    g_set_error_literal(error, GDK_PIXBUF_ERROR, (gint)code, text);
    return FALSE;
}

static gboolean fail_with(GError **error, const lic_error *err)
{
    switch (err->status) {
    case LIC_ERR_NOT_LIC:
    case LIC_ERR_VERSION:
        return fail(error, GDK_PIXBUF_ERROR_UNKNOWN_TYPE, err->text);
    case LIC_ERR_TRUNCATED:
    case LIC_ERR_CORRUPT:
    case LIC_ERR_MISMATCH:
        return fail(error, GDK_PIXBUF_ERROR_CORRUPT_IMAGE, err->text);
    case LIC_ERR_MEMORY:
    case LIC_ERR_LIMIT:
        return fail(error, GDK_PIXBUF_ERROR_INSUFFICIENT_MEMORY, err->text);
    default:
        return fail(error, GDK_PIXBUF_ERROR_FAILED, err->text);
    }
}

static gpointer begin_load(GdkPixbufModuleSizeFunc size_wanted,
                           GdkPixbufModulePreparedFunc prepared, GdkPixbufModuleUpdatedFunc updated,
                           gpointer user, GError **error)
{
    struct load *load = g_try_new0(struct load, 1);
    if (!load) {
        fail(error, GDK_PIXBUF_ERROR_INSUFFICIENT_MEMORY, "out of memory");
        return NULL;
    }
    *load = (struct load){size_wanted, prepared, updated, user, g_byte_array_new()};
    return load;
}

static gboolean load_increment(gpointer context, const guchar *data, guint bytes, GError **error)
{
    struct load *load = context;
    if (bytes > lic_view_of_picture.bytes - load->data->len)
        return fail(error, GDK_PIXBUF_ERROR_INSUFFICIENT_MEMORY, "the file is too large");
    g_byte_array_append(load->data, data, bytes);
    return TRUE;
}

static void set_options(GdkPixbuf *pixbuf, const lic_view *view)
{
    char orientation[2] = {(char)('0' + view->orientation), 0};
    if (view->orientation != 1)
        gdk_pixbuf_set_option(pixbuf, "orientation", orientation);
    if (view->icc.data) {
        gchar *text = g_base64_encode(view->icc.data, view->icc.bytes);
        gdk_pixbuf_set_option(pixbuf, "icc-profile", text);
        g_free(text);
    }
}

/* Decodes in the size that the program wants; NULL, with error set, if that fails. */
static GdkPixbuf *decode(const lic_view *view, gint width, gint height, GError **error)
{
    lic_error err = {0};
    GdkPixbuf *pixbuf = gdk_pixbuf_new(GDK_COLORSPACE_RGB, view->channels == 4, 8, width, height);
    if (!pixbuf) {
        fail(error, GDK_PIXBUF_ERROR_INSUFFICIENT_MEMORY, "not enough memory for the picture");
        return NULL;
    }
    if (lic_view_decode(view, (uint32_t)width, (uint32_t)height, gdk_pixbuf_get_pixels(pixbuf),
                        (size_t)gdk_pixbuf_get_rowstride(pixbuf), &err) != LIC_OK) {
        fail_with(error, &err);
        g_object_unref(pixbuf);
        return NULL;
    }
    set_options(pixbuf, view);
    return pixbuf;
}

/* Gives the picture to the program; TRUE also if the program wanted its size only. */
static gboolean show(const struct load *load, const lic_view *view, GError **error)
{
    const gint own_width = (gint)view->info.width, own_height = (gint)view->info.height;
    gint width = own_width, height = own_height;
    if (load->size_wanted)
        load->size_wanted(&width, &height, load->user);
    if (width == 0 || height == 0)
        return TRUE;
    /* If the program wants a larger picture, gdk-pixbuf enlarges it itself. */
    width = width < 0 || width > own_width ? own_width : width;
    height = height < 0 || height > own_height ? own_height : height;
    GdkPixbuf *pixbuf = decode(view, width, height, error);
    if (!pixbuf)
        return FALSE;
    if (load->prepared)
        load->prepared(pixbuf, NULL, load->user);
    if (load->updated)
        load->updated(pixbuf, 0, 0, width, height, load->user);
    g_object_unref(pixbuf);
    return TRUE;
}

static gboolean stop_load(gpointer context, GError **error)
{
    struct load *load = context;
    lic_view view;
    lic_error err = {0};
    gboolean ok = lic_view_open(&view, &lic_view_of_picture, load->data->data, load->data->len,
                                &err) == LIC_OK;
    ok = ok ? show(load, &view, error) : fail_with(error, &err);
    lic_view_close(&view);
    g_byte_array_unref(load->data);
    g_free(load);
    return ok;
}

void fill_vtable(GdkPixbufModule *module)
{
    module->begin_load = begin_load;
    module->load_increment = load_increment;
    module->stop_load = stop_load;
}

void fill_info(GdkPixbufFormat *info)
{
    static GdkPixbufModulePattern signature[] = {{"\x9Blic", "    ", 100}, {NULL, NULL, 0}};
    static gchar *mime_types[] = {"image/x-lic", NULL};
    static gchar *extensions[] = {"lic", NULL};
    info->name = "lic";
    info->signature = signature;
    info->description = "lic, learned image codec";
    info->mime_types = mime_types;
    info->extensions = extensions;
    info->flags = GDK_PIXBUF_FORMAT_THREADSAFE;
    info->license = "MIT";
}
