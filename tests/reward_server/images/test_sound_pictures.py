"""What stands beside a picture's pixels changes its orientation at most; what is refused says why."""

from __future__ import annotations

import io
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from reward_server.images.decode import ImageError, ImageLimits, decode_image, read_base64
from tests.bad_frames import MAX_ASPECT, MAX_PIXELS
from tests.picture_files import (
    ASCII,
    JPEG,
    ORIENTATION,
    PNG,
    RATIONAL,
    SHORT,
    TURN,
    TURNED,
    adobe_transform,
    animation,
    chunk,
    compressed_profile,
    encoded,
    exif_segment,
    jpeg_with,
    noise,
    noise_of_text,
    of_two_channels,
    png_with,
    segment,
    several_pictures,
    short,
    text,
    text_bomb,
    tiff,
    with_frame_header,
    with_precision,
    with_wrong_checksum,
)

LIMITS = ImageLimits(MAX_PIXELS, MAX_ASPECT)
AS_JPEG = Image.open(io.BytesIO(JPEG)).convert("RGB")
MEGABYTE = 1_000_000
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
RAW_PROFILE = b"\nexif\n      %d\n%s\n" % (len(TURN), TURN.hex().encode())


def decoded(data: bytes) -> Image.Image:
    return decode_image(data, LIMITS)


def same(image: Image.Image, wanted: Image.Image) -> bool:
    return image.size == wanted.size and image.tobytes() == wanted.tobytes()


def turned(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.ROTATE_270)


@pytest.mark.parametrize(
    "data",
    [
        several_pictures((40, 30), (40, 30)),
        several_pictures((40, 30), (400, 300)),
        several_pictures((40, 30), (20, 15), (10, 10)),
        several_pictures((40, 30), (40, 30))[:-500],
        several_pictures((40, 30), (40, 30)).replace(b"MPF\0", b"MPF\0??", 1),
        jpeg_with(segment(0xE2, b"MPF\0")),
        jpeg_with(segment(0xE2, b"MPF\0MM\0*\xff\xff\xff\xff")),
    ],
    ids=[
        "two",
        "the second is too large",
        "three",
        "the second is cut",
        "index shifted",
        "index empty",
        "index wrong",
    ],
)
def test_of_several_pictures_in_a_jpeg_the_first_counts(data: bytes) -> None:
    assert same(decoded(data), AS_JPEG)


WRONG_TYPES = {
    "a resolution in letters": (0x011A, ASCII, 4, b"abc\0"),
    "a width in letters": (0x0100, ASCII, 4, b"wide"),
    "a maker as a number": (0x010F, SHORT, 1, short(7)),
    "a software as a fraction outside the file": (0x0131, RATIONAL, 1, b"\xff\xff\xff\xff"),
    "a type that does not exist": (0x0132, 99, 1, bytes(4)),
    "a sub-directory that is no place": (0x8769, ASCII, 4, b"abc\0"),
    "a place of the GPS data in letters": (0x8825, ASCII, 4, b"abc\0"),
    "a count beyond the file": (0x010E, ASCII, 0x7FFFFFFF, b"\0\0\0\x08"),
}


@pytest.mark.parametrize("name", WRONG_TYPES)
@pytest.mark.parametrize("first", [True, False])
def test_an_orientation_counts_whatever_other_tags_are(name: str, first: bool) -> None:
    entries = [WRONG_TYPES[name], (ORIENTATION, SHORT, 1, short(TURNED))]
    exif = tiff(*(entries if first else reversed(entries)))
    assert same(decoded(jpeg_with(exif_segment(exif))), turned(AS_JPEG))
    assert same(decoded(png_with(chunk(b"eXIf", exif))), turned(noise()))


BROKEN_EXIF = {
    "nothing": b"",
    "no header": b"not a TIFF header at all",
    "half a header": b"MM\0",
    "a header alone": b"MM\0*\0\0\0\x08",
    "a directory outside": b"MM\0*\xff\xff\xff\xf0",
    "half a directory": TURN[:14],
    "an orientation of 0": tiff((ORIENTATION, SHORT, 1, short(0))),
    "an orientation of 9": tiff((ORIENTATION, SHORT, 1, short(9))),
    "an orientation in letters": tiff((ORIENTATION, ASCII, 4, b"6\0\0\0")),
    "two orientations in one": tiff((ORIENTATION, SHORT, 2, b"\0\x06\0\x06")),
    "65,535 entries": b"MM\0*\0\0\0\x08\xff\xff",
}


@pytest.mark.parametrize("name", BROKEN_EXIF)
def test_exif_that_cannot_be_read_turns_nothing(name: str) -> None:
    exif = BROKEN_EXIF[name]
    assert same(decoded(jpeg_with(exif_segment(exif))), AS_JPEG)
    assert same(decoded(png_with(chunk(b"eXIf", exif))), noise())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_is_turned_upright(orientation: int) -> None:
    stored = np.arange(12, dtype=np.uint8).reshape(3, 4)
    rows_and_columns = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.T,
        6: stored[::-1].T,
        7: stored[::-1, ::-1].T,
        8: stored[:, ::-1].T,
    }
    exif = tiff((ORIENTATION, SHORT, 1, short(orientation)))
    png = encoded(Image.fromarray(stored))
    upright = decoded(png[:33] + chunk(b"eXIf", exif) + png[33:])
    assert (np.asarray(upright)[:, :, 0] == rows_and_columns[orientation]).all()


@pytest.mark.parametrize(
    "data",
    [
        chunk(b"eXIf", TURN),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        chunk(b"tEXt", b"Raw profile type exif\0" + RAW_PROFILE),
    ],
    ids=["eXIf", "XMP", "an old editor's text"],
)
@pytest.mark.parametrize("at_end", [False, True])
def test_a_png_is_turned_by_its_metadata_too(data: bytes, at_end: bool) -> None:
    assert same(decoded(png_with(data, at_end=at_end)), turned(noise()))
    assert same(
        decoded(png_with(chunk(b"tEXt", b"note\0" + noise_of_text(2 * MEGABYTE)), data)), turned(noise())
    )


def test_a_jpeg_is_turned_by_its_xmp_too() -> None:
    packet = b"http://ns.adobe.com/xap/1.0/\0" + XMP
    assert same(decoded(jpeg_with(segment(0xE1, packet))), turned(AS_JPEG))
    assert same(decoded(jpeg_with(exif_segment(TURN[:14]), segment(0xE1, packet))), turned(AS_JPEG))


BESIDE_THE_PIXELS = {
    "2 MB of text": chunk(b"tEXt", b"comment\0" + noise_of_text(2 * MEGABYTE)),
    "2 MB of compressed text": chunk(b"zTXt", b"comment\0\0" + zlib.compress(noise_of_text(2 * MEGABYTE))),
    "2 MB of international text": chunk(b"iTXt", b"workflow\0\0\0\0\0" + noise_of_text(2 * MEGABYTE)),
    "2 MB of compressed international text": chunk(
        b"iTXt", b"workflow\0\x01\0\0\0" + zlib.compress(noise_of_text(2 * MEGABYTE))
    ),
    "70 MB of text": chunk(b"tEXt", b"comment\0" + b"A" * MEGABYTE) * 70,
    "a colour profile of 2 MB": compressed_profile(2 * MEGABYTE),
    "a colour profile of another compression": chunk(b"iCCP", b"wide\0\x01abc"),
    "an empty colour profile": chunk(b"iCCP", b""),
    "half a gamma": chunk(b"gAMA", b"\0"),
    "half of the white point": chunk(b"cHRM", bytes(8)),
    "half a size in metres": chunk(b"pHYs", bytes(3)),
    "half a colour space": chunk(b"sRGB", b""),
    "a text without a keyword": chunk(b"zTXt", b""),
    "a text of another compression": chunk(b"zTXt", b"comment\0\x07abc"),
    "a frame of no animation": chunk(b"fcTL", bytes(26)),
    "an animation without a number": chunk(b"acTL", b"\0"),
    "an animation of no frames": chunk(b"acTL", bytes(8)),
    "a private chunk of 2 MB": chunk(b"prVt", bytes(2 * MEGABYTE)),
    "text with a wrong checksum": with_wrong_checksum(b"tEXt", b"comment\0hello"),
    "a gamma with a wrong checksum": with_wrong_checksum(b"gAMA", bytes(4)),
    "EXIF with a wrong checksum": with_wrong_checksum(b"eXIf", TURN),
    "a text bomb": text_bomb(b"zTXt", b"comment"),
    "a bomb in XMP": text_bomb(b"iTXt", b"XML:com.adobe.xmp"),
    "a bomb in an old editor's text": text_bomb(b"zTXt", b"Raw profile type exif"),
    "an old editor's text that is none": chunk(b"tEXt", b"Raw profile type exif\0what?"),
}


@pytest.mark.parametrize("name", BESIDE_THE_PIXELS)
@pytest.mark.parametrize("at_end", [False, True])
def test_what_stands_beside_the_pixels_of_a_png_costs_nothing(name: str, at_end: bool) -> None:
    assert same(decoded(png_with(BESIDE_THE_PIXELS[name], at_end=at_end)), noise())


def test_bombs_in_metadata_are_never_unpacked() -> None:
    bombs = [text_bomb(kind, key) for kind in (b"zTXt", b"iTXt") for key in (b"a", b"XML:com.adobe.xmp")]
    profile = chunk(b"iCCP", b"wide\0\0" + zlib.compress(bytes(100_000_000), 9))
    sent = text(png_with(profile, *bombs * 4))
    tracemalloc.start()
    try:
        assert same(decode_image(read_base64(sent), LIMITS), noise())
        assert tracemalloc.get_traced_memory()[1] < 10 * MEGABYTE + 4 * len(sent)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        jpeg_with(*[segment(0xFE, bytes(65_000))] * 100),
        jpeg_with(*[segment(0xE2, b"ICC_PROFILE\0" + bytes([i + 1, 40]) + bytes(65_000)) for i in range(40)]),
        jpeg_with(segment(0xE2, b"ICC_PROFILE\0")),
        jpeg_with(*[segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000))] * 50),
        jpeg_with(segment(0xE1, b"Exif\0\0" + TURN[:-4].replace(b"\0\x06", b"\0\x01") + JPEG)),
        jpeg_with(segment(0xE0, b"JFXX\0\x10" + JPEG)),
        jpeg_with(segment(0xE0, b"JFIF")),
        jpeg_with(segment(0xEE, b"Adobe")),
        jpeg_with(segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed")),
        jpeg_with(segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\0\0\x02\0\0")),
        jpeg_with(segment(0xFE, b"")),
        JPEG + b"what phones write behind: a film of the last second" * 1000,
        JPEG + JPEG,
        JPEG[:2] + b"\xff\xff\xff" + JPEG[2:],
        jpeg_with(segment(0xE1, b"Exif\0\0") + b"\0junk\xff\0"),
    ],
    ids=[
        "6 MB of comments",
        "a colour profile of 2.6 MB",
        "an empty colour profile",
        "3 MB of XMP",
        "a thumbnail in EXIF",
        "a thumbnail in JFXX",
        "half a JFIF header",
        "half an Adobe header",
        "half a Photoshop resource",
        "a Photoshop resource that is too short",
        "an empty comment",
        "bytes behind its end",
        "another JPEG behind its end",
        "padding before a marker",
        "bytes between segments",
    ],
)
def test_what_stands_beside_the_pixels_of_a_jpeg_costs_nothing(data: bytes) -> None:
    assert same(decoded(data), AS_JPEG)


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
def test_the_way_a_jpeg_is_coded_does_not_matter(options: dict[str, object]) -> None:
    data = encoded(noise(), "JPEG", **options)
    assert decoded(data).size == (40, 30)


@pytest.mark.parametrize("transform", [0, 2])
def test_colours_of_print_become_rgb(transform: int) -> None:
    data = adobe_transform(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), transform)
    assert decoded(data).mode == "RGB"
    if transform == 0:
        assert decoded(data).getpixel((4, 4)) == pytest.approx((255, 0, 0), abs=3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (with_precision(12), "12 bits a channel"),
        (with_precision(16), "16 bits a channel"),
        (with_frame_header(0xC3), "lossless or hierarchical"),
        (with_frame_header(0xC5), "lossless or hierarchical"),
        (with_frame_header(0xF7), "lossless or hierarchical"),
        (of_two_channels(), "2 channels"),
        (animation(2), "animated"),
        (animation(1, default_is_a_frame=False), "animated"),
        (with_wrong_checksum(b"IDAT", b"").join([PNG[:33], PNG[33:]]), "damaged"),
        (png_with(with_wrong_checksum(b"tRNS", bytes(6))), "damaged"),
        (png_with(chunk(b"tEXt", b"a\0b"))[:-20], "damaged"),
        (encoded(noise(), "WEBP"), "not a PNG or JPEG"),
        (encoded(noise(), "GIF", save_all=True, append_images=[noise().rotate(90)]), "not a PNG or JPEG"),
    ],
)
def test_what_is_refused_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decoded(data)


def test_an_animation_of_one_frame_is_a_picture() -> None:
    assert same(decoded(animation(1)), noise())
