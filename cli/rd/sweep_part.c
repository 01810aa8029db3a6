/* sweep_part.c - the part file of sweep.h. It has a head line, which must be exactly that of this
 * sweep, and a line of JSON for each measurement. A last line that was cut is dropped. */
#include "cli/base/files.h"
#include "cli/base/json.h"
#include "cli/base/json_read.h"
#include "cli/base/report.h"
#include "cli/rd/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_head(const lic_sweep *sweep, FILE *file)
{
    lic_json json;
    lic_json_begin(&json, file);
    lic_json_string(&json, "sweep_of", lic_version());
    lic_json_hex(&json, "model_hash", sweep->model.hash, 16);
    if (sweep->tile_side)
        lic_json_unsigned(&json, "tile_side", sweep->tile_side);
    if (sweep->cpu)
        lic_json_string(&json, "cpu", lic_cpu_name(sweep->cpu));
    if (sweep->threads)
        lic_json_unsigned(&json, "threads", (uint64_t)sweep->threads);
    if (sweep->backend != LIC_BACKEND_STRICT)
        lic_json_string(&json, "backend", "openblas");
    lic_json_open(&json, "qualities", '[');
    for (int i = 0; i < sweep->n_qualities; i++)
        lic_json_real(&json, NULL, sweep->qualities[i], 6);
    lic_json_close(&json, ']');
    (void)lic_json_end(&json); /* the stream keeps its error */
}

static void put_cell(const lic_sweep_picture *p, int quality, FILE *file)
{
    const lic_sweep_cell *cell = &p->cells[quality];
    lic_json json;
    lic_json_begin(&json, file);
    lic_json_string(&json, "picture", p->name);
    lic_json_unsigned(&json, "crc", p->crc);
    lic_json_unsigned(&json, "width", p->width);
    lic_json_unsigned(&json, "height", p->height);
    lic_json_unsigned(&json, "point", (uint64_t)quality);
    lic_json_unsigned(&json, "bytes", cell->bytes);
    lic_json_real(&json, "psnr", cell->values[LIC_SWEEP_PSNR], 10); /* null: infinite */
    lic_json_real(&json, "msssim", cell->values[LIC_SWEEP_MSSSIM], 12);
    lic_json_real(&json, "encode_s", cell->values[LIC_SWEEP_ENCODE], 6);
    lic_json_real(&json, "decode_s", cell->values[LIC_SWEEP_DECODE], 6);
    (void)lic_json_end(&json);
}

/* A whole number from 0 to most, or -1. */
static double whole(const lic_json_value *object, const char *key, double most)
{
    const lic_json_value *v = lic_json_find(object, key);
    bool ok = v && v->type == LIC_JSON_NUMBER && v->number >= 0 && v->number <= most &&
              v->number == floor(v->number);
    return ok ? v->number : -1;
}

static double real_or(const lic_json_value *object, const char *key, double otherwise)
{
    const lic_json_value *v = lic_json_find(object, key);
    return v && v->type == LIC_JSON_NUMBER ? v->number : otherwise;
}

/* Fills the cell that the line is about, if there is one. What is not understood is measured
 * again. */
static bool take_line(lic_sweep *sweep, const lic_json_value *line)
{
    const lic_json_value *name = lic_json_find(line, "picture");
    double crc = whole(line, "crc", UINT32_MAX), bytes = whole(line, "bytes", 1e15);
    double width = whole(line, "width", LIC_MAX_SIDE), height = whole(line, "height", LIC_MAX_SIDE);
    double point = whole(line, "point", sweep->n_qualities - 1);
    if (!name || name->type != LIC_JSON_STRING || crc < 0 || bytes < 1 || width < 1 || height < 1 ||
        point < 0)
        return false;
    for (size_t i = 0; i < sweep->n_pictures; i++) {
        lic_sweep_picture *p = &sweep->pictures[i];
        lic_sweep_cell *cell = &p->cells[(int)point];
        if (cell->done || p->crc != (uint32_t)crc || strcmp(p->name, name->text) != 0)
            continue;
        p->width = (uint32_t)width;
        p->height = (uint32_t)height;
        *cell = (lic_sweep_cell){
            .done = true,
            .bytes = (size_t)bytes,
            .values = {lic_sweep_bpp((size_t)bytes, p->width, p->height),
                       real_or(line, "psnr", INFINITY), real_or(line, "msssim", NAN),
                       real_or(line, "encode_s", 0), real_or(line, "decode_s", 0)}};
        return true;
    }
    return false;
}

static size_t take_lines(lic_sweep *sweep, const uint8_t *text, const uint8_t *end)
{
    size_t taken = 0;
    for (const uint8_t *next; text < end; text = next + 1) {
        lic_json_document document;
        lic_error ignored;
        next = memchr(text, '\n', (size_t)(end - text));
        if (!next)
            break;
        if (lic_json_read(text, (size_t)(next - text), &document, &ignored) == LIC_OK)
            taken += take_line(sweep, document.root);
        lic_json_free(&document);
    }
    return taken;
}

/* ---- of another sweep ---- */

static bool is_same(const lic_json_value *a, const lic_json_value *b)
{
    if (!a || !b)
        return a == b;
    if (a->type != b->type || a->n_children != b->n_children)
        return false;
    if (a->type == LIC_JSON_STRING)
        return strcmp(a->text, b->text) == 0;
    if (a->type != LIC_JSON_ARRAY)
        return a->number == b->number;
    for (a = a->child, b = b->child; a; a = a->next, b = b->next)
        if (!is_same(a, b))
            return false;
    return true;
}

/* The differences between two heads as a list of options; "" if one of them is not a head. */
static void name_difference(const lic_json_value *a, const lic_json_value *b, char *text,
                            size_t size)
{
    static const char *const names[][2] = {{"sweep_of", "the version of lic"},
                                           {"model_hash", "--model"},
                                           {"tile_side", "--tile"},
                                           {"cpu", "--cpu"},
                                           {"threads", "--threads"},
                                           {"backend", "--backend"},
                                           {"qualities", "-q"}};
    *text = 0;
    if (!lic_json_find(a, names[0][0]) || !lic_json_find(b, names[0][0]))
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t n = strlen(text);
        if (!is_same(lic_json_find(a, names[i][0]), lic_json_find(b, names[i][0])))
            snprintf(text + n, size - n, "%s%s", n ? ", " : "", names[i][1]);
    }
}

static lic_status refuse_part(const lic_sweep *sweep, const lic_file_data *file, const char *head,
                              size_t head_bytes, lic_error *err)
{
    const uint8_t *end = memchr(file->data, '\n', file->bytes);
    lic_json_document theirs, ours;
    lic_error ignored;
    char what[128];
    (void)lic_json_read(file->data, end ? (size_t)(end - file->data) : 0, &theirs, &ignored);
    (void)lic_json_read(head, head_bytes, &ours, &ignored);
    name_difference(theirs.root, ours.root, what, sizeof what);
    lic_json_free(&theirs);
    lic_json_free(&ours);
    if (sweep->force) {
        lic_report_warning(sweep->part_path, "%s%s, and is overwritten",
                           *what ? "holds an unfinished sweep that differs in "
                                 : "is not a part file of lic sweep",
                           what);
        return LIC_OK;
    }
    if (!*what)
        return lic_report_fail(err, LIC_REPORT_ERR_EXISTS,
                               "is not a part file of lic sweep, and is in its place; -f "
                               "overwrites it, another -o leaves it");
    return lic_report_fail(err, LIC_REPORT_ERR_EXISTS,
                           "holds an unfinished sweep that differs in %s; the same options go on "
                           "with it, -f overwrites it, another -o leaves it",
                           what);
}

/* The process that is writing it, found by its lock; 0 if there is none. */
static long writer_of(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    const bool held = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    return held ? (long)lock.l_pid : 0;
}

/* ---- the file ---- */

/* Reads what is there already. A part file of another sweep is replaced only with -f. */
static lic_status read_part(lic_sweep *sweep, size_t *n_taken, lic_error *err)
{
    const long writer = writer_of(sweep->part_path);
    if (writer)
        return lic_report_fail(err, LIC_REPORT_ERR_EXISTS,
                               "another lic sweep (process %ld) is writing it; wait for it, or "
                               "name another -o",
                               writer);
    lic_file_data file;
    char *head = NULL;
    size_t head_bytes = 0;
    lic_status status = lic_file_read(sweep->part_path, LIC_READ_ANY, &file, err);
    if (status != LIC_OK)
        return status == LIC_ERR_TRUNCATED ? LIC_OK : status; /* empty */
    FILE *memory = open_memstream(&head, &head_bytes);
    if (memory) {
        put_head(sweep, memory);
        fclose(memory);
    }
    if (!head)
        status = lic_report_fail(err, LIC_ERR_MEMORY, "no memory to compare it");
    else if (file.bytes >= head_bytes && memcmp(file.data, head, head_bytes) == 0)
        *n_taken = take_lines(sweep, file.data + head_bytes, file.data + file.bytes);
    else
        status = refuse_part(sweep, &file, head, head_bytes, err);
    free(head);
    lic_file_free(&file);
    return status;
}

/* Opens it for more. Where files cannot be locked, two sweeps at the same time go unnoticed. */
static lic_status open_locked(lic_sweep *sweep, lic_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    sweep->part = fopen(sweep->part_path, "a");
    if (!sweep->part)
        return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot write %.150s: %s", sweep->part_path,
                               strerror(errno));
    (void)fcntl(fileno(sweep->part), F_SETLK, &lock);
    return LIC_OK;
}

/* Writes it anew with what was taken, so that no cut or foreign line stays; then opens it for
 * more. */
lic_status lic_sweep_part_open(lic_sweep *sweep, size_t *n_taken, lic_error *err)
{
    lic_output out;
    lic_status status = LIC_OK;
    *n_taken = 0;
    if (access(sweep->part_path, F_OK) == 0)
        status = read_part(sweep, n_taken, err);
    if (status == LIC_OK)
        status = lic_output_open(&out, sweep->part_path, true, err);
    if (status != LIC_OK)
        return status;
    put_head(sweep, out.stream);
    for (size_t i = 0; i < sweep->n_pictures; i++)
        for (int q = 0; q < sweep->n_qualities; q++)
            if (sweep->pictures[i].cells[q].done)
                put_cell(&sweep->pictures[i], q, out.stream);
    status = lic_output_commit(&out, err);
    return status == LIC_OK ? open_locked(sweep, err) : status;
}

lic_status lic_sweep_part_add(lic_sweep *sweep, const lic_sweep_picture *picture, int quality,
                              lic_error *err)
{
    put_cell(picture, quality, sweep->part); /* which flushes */
    if (ferror(sweep->part))
        return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot write %.150s: %s", sweep->part_path,
                               strerror(errno));
    return LIC_OK;
}
