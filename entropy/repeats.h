/* repeats.h - guesses pixels that were seen before, for drawn pictures: the pixel that followed the
 * same neighbours the last time, or one that equals a neighbour.
 *
 * A pixel is all of its samples in one number. There are up to three guesses: what two tables
 * remember for the neighbourhood, one by eleven neighbours and one by four, then the neighbours
 * themselves. A bit for each says whether it is right. (Symbol ranking by two-dimensional contexts;
 * text repeats letter by letter, and flat areas cost next to nothing.) A pixel that was not guessed
 * may be coded by its number in the list of colours so far. */
#ifndef LIC_ENTROPY_REPEATS_H
#define LIC_ENTROPY_REPEATS_H

#include "codec/base/arena.h"
#include "entropy/bit_model.h"

enum {
    LIC_GUESSES = 3,
    LIC_PIXEL_MARGIN = 3, /* pixels that rows have before and behind them */
    LIC_COLOURS = 256,
    LIC_COLOUR_SLOTS = 1024
};

typedef uint64_t lic_pixel; /* 16 bits for each sample, the first lowest */

typedef struct lic_memory_slot {
    lic_pixel pixel;
    uint32_t trust; /* 0: empty; up to 7: how often it was right lately */
} lic_memory_slot;

/* The colours so far, by number and by colour. */
typedef struct lic_colours {
    uint32_t n;
    lic_pixel colour[LIC_COLOURS];
    uint16_t slots[LIC_COLOUR_SLOTS]; /* number + 1 */
    lic_bit_model known[16];          /* by the number of colours: is it one of them? */
    lic_bit_model alone[LIC_COLOURS]; /* a tree of 8 bits */
    lic_bit_model left[LIC_COLOURS][LIC_COLOURS], above[LIC_COLOURS][LIC_COLOURS];
    lic_bit_weights weights[8];
} lic_colours;

/* Where the memories have a neighbourhood. */
typedef struct lic_places {
    uint32_t far, near;
} lic_places;

/* What is guessed for one pixel. */
typedef struct lic_guesses {
    lic_pixel pixel[LIC_GUESSES];
    int n;
    uint32_t far, near, trust, pattern;
} lic_guesses;

typedef struct lic_repeats {
    lic_pixel *rows[3]; /* this one, the one above, and above that; at column 0 */
    uint8_t *ranks[2];  /* of the guess that was right, LIC_GUESSES for none */
    lic_memory_slot *far, *near;
    lic_bit_model (*hashed)[LIC_GUESSES];
    unsigned bits; /* the tables have 2^bits entries */
    lic_bit_model trust[LIC_GUESSES][8 * 8 * 2 * 4];
    lic_bit_model pattern[LIC_GUESSES][64 * 27];
    lic_bit_weights weights[LIC_GUESSES][8];
    lic_guesses last;            /* for the pixel at hand */
    lic_pixel flat;              /* a colour */
    lic_places flat_places;      /* of a neighbourhood that has no other */
    lic_colours *list, *colours; /* its memory; NULL where colours are not numbered */
} lic_repeats;

/* Takes the memory for rows of `width` pixels and 2^bits neighbourhoods. */
void lic_repeats_take(lic_repeats *r, lic_arena *arena, uint32_t width, unsigned bits);
/* Starts another picture with the same memory. */
void lic_repeats_init(lic_repeats *r, uint32_t width, unsigned bits, bool colours);
void lic_repeats_next_row(lic_repeats *r, uint32_t y, uint32_t width);
/* True if the pixel was coded; *pixel is it. If not, lic_repeats_enter must follow once it is
 * known. */
bool lic_repeats_code(lic_repeats *r, const lic_bit_coder *coder, uint32_t x, uint32_t y,
                      lic_pixel *pixel);
/* Enters a pixel that was coded in another way. */
void lic_repeats_enter(lic_repeats *r, uint32_t x, lic_pixel pixel);
/* Enters a pixel without coding it. True if one of the guesses was right. */
bool lic_repeats_see(lic_repeats *r, uint32_t x, uint32_t y, lic_pixel pixel);
/* Enters a pixel from which nothing is to be learned. */
void lic_repeats_skip(lic_repeats *r, uint32_t x, lic_pixel pixel);

#endif
