"""The structs of lic._liblic are those of codec/lic.h: the same members in the same order, of the same
types. The header may have grown at an end since: the library goes by struct_bytes."""
import ctypes
import re

import pytest
from conftest import ROOT

from lic import _liblic as c

HEADER = re.sub(r'/\*.*?\*/', '', (ROOT / 'codec' / 'lic.h').read_text(), flags=re.S)
STRUCTS = {
    'lic_error': c.Error, 'lic_image': c.Image, 'lic_chunk': c.Chunk, 'lic_span': c.Span,
    'lic_metadata': c.Metadata, 'lic_model_options': c.ModelOptions, 'lic_options': c.Options,
    'lic_encode_options': c.EncodeOptions, 'lic_decode_options': c.DecodeOptions,
    'lic_buffer': c.Buffer, 'lic_info': c.Info, 'lic_stats': c.Stats, 'lic_model_info': c.ModelInfo}
NUMBERS = {'size_t': ctypes.c_size_t, 'uint32_t': ctypes.c_uint32, 'uint64_t': ctypes.c_uint64,
           'int': ctypes.c_int, 'double': ctypes.c_double, 'float': ctypes.c_float,
           'char': ctypes.c_char, 'lic_progress_fn': c.Progress, 'lic_rows_fn': ctypes.c_void_p}
LENGTHS = {'LIC_N_STAGES': 3, 'LIC_MAX_CHUNKS': c.MAX_CHUNKS}


def members(name):
    """[(type, is a pointer, name, length or None)], as the header has them."""
    body = re.search(r'typedef struct %s \{(.*?)\} %s;' % (name, name), HEADER, re.S).group(1)
    for line in body.split(';'):
        if not line.strip():
            continue
        kind, names = re.match(r'\s*(?:const )?(?:struct )?(\w+)\s+(.*)', line, re.S).groups()
        for one in names.split(','):
            star, word, length = re.match(r'\s*(\*?)(\w+)(?:\[(\w+)\])?', one).groups()
            yield kind, bool(star), word, length and int(LENGTHS.get(length, length if
                                                         length.isdigit() else 0))


def type_of(kind, pointer, length):
    if pointer:
        return ctypes.c_void_p
    single = NUMBERS.get(kind) or STRUCTS.get(kind) or ctypes.c_int  # an enum
    return single * length if length else single


@pytest.mark.parametrize('name', STRUCTS)
def test_struct(name):
    listed = list(members(name))
    ours = STRUCTS[name]._fields_
    assert len(listed) >= len(ours)
    for (kind, pointer, word, length), (own_word, own_type) in zip(listed, ours):
        assert own_word == word or (own_word, word) == ('lambdas', 'lambda')
        expected = type_of(kind, pointer, length)
        if pointer:
            assert ctypes.sizeof(own_type) == ctypes.sizeof(expected), word
        else:
            assert ctypes.sizeof(own_type) == ctypes.sizeof(expected), word
            assert own_type is expected or own_type._type_ == expected._type_, word


def test_functions():
    """Each function has as many parameters as the header says."""
    for name, parameters in re.findall(r'\b(lic_\w+)\(([^()]*)\);', HEADER):
        function = c.lib.__dict__.get(name)  # those that are used
        if function is not None:
            n = 0 if parameters.strip() == 'void' else parameters.count(',') + 1
            assert len(function.argtypes) == n, name


def test_statuses():
    """Every status of the header is of a family that has a class."""
    from lic import errors
    for name, number in re.findall(r'(LIC_ERR_\w+) = (\d+)', HEADER):
        assert c.lib.lic_status_name(int(number)).decode() == name
        error = errors.of_status(int(number), name, 'text')
        assert type(error) is not errors.Error and error.name == name and str(error) == 'text'


def test_defaults():
    """What the options begin with is the library's, read where the header says."""
    assert c.initialised(c.EncodeOptions, 'encode_options').quality == 50.0
    assert c.initialised(c.Options, 'options').max_pixels == 1 << 28
    assert c.initialised(c.Options, 'options').max_work == 1 << 45
