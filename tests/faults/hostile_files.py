"""Pictures and videos as nobody should send them, made from nothing."""

from __future__ import annotations

import io
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

#: What the bombs' headers claim; decoded this were 1.2 GB.
BOMB_PX = 20_000
#: The same for one that really holds what it claims: 430 MB.
FILLED_PX = 12_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START_OF_FRAME = b"\xff\xc0\x00\x11\x08"


def png(width_px: int, height_px: int, rows: bytes, bits: int = 8, colour_type: int = 2) -> bytes:
    """Return a PNG whose header need not fit its rows."""
    header = struct.pack(">IIBBBBB", width_px, height_px, bits, colour_type, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def black_rows(width_px: int, height_px: int) -> bytes:
    """Return the compressed rows of a black picture without holding it in memory."""
    compressor = zlib.compressobj(1)
    row = bytes(1 + 3 * width_px)
    return b"".join(compressor.compress(row) for _ in range(height_px)) + compressor.flush()


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    """Return a picture as a file of a format that Pillow writes."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def jpeg_that_claims(width_px: int, height_px: int) -> bytes:
    """Return a small JPEG with another size in its header."""
    small = encoded(Image.new("RGB", (64, 64), "grey"), "JPEG")
    before, _, after = small.partition(_START_OF_FRAME)
    return before + _START_OF_FRAME + struct.pack(">HH", height_px, width_px) + after[4:]


def hostile_pictures(portrait: Path) -> dict[str, bytes]:
    """Return files by name: those whose name begins with `good` must be estimated."""
    face = Image.open(portrait).convert("RGB")
    noise = np.random.default_rng(6).integers(0, 2**16, (64, 64), np.uint16)
    jpeg = encoded(face, "JPEG")
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    return {
        "bad-truncated.png": portrait.read_bytes()[:300],
        "bad-truncated.jpg": jpeg[:200],
        "bad-header-only.png": png(BOMB_PX, BOMB_PX, zlib.compress(b"\0" * 100)),
        "bad-header-only.jpg": jpeg_that_claims(BOMB_PX, BOMB_PX),
        "bad-bomb.png": png(FILLED_PX, FILLED_PX, black_rows(FILLED_PX, FILLED_PX)),
        "bad-line.png": png(2_000_000, 1, zlib.compress(bytes(6_000_001))),
        "bad-nothing.jpg": b"",
        "bad-text.jpg": b"this is no picture\n" * 50,
        "bad-noise.png": _SIGNATURE + np.random.default_rng(7).bytes(5000),
        "bad-zero-width.png": png(0, 10, zlib.compress(b"\0" * 10)),
        "good-one-pixel.png": encoded(Image.new("RGB", (1, 1)), "PNG"),
        "good-column.png": encoded(Image.new("RGB", (1, 3000)), "PNG"),
        "good-16-bit.png": encoded(Image.fromarray(noise), "PNG"),
        "good-grey.jpg": encoded(face.convert("L"), "JPEG"),
        "good-grey-alpha.png": encoded(face.convert("LA"), "PNG"),
        "good-alpha.png": encoded(face.convert("RGBA"), "PNG"),
        "good-palette.png": encoded(face.convert("P"), "PNG"),
        "good-one-bit.png": encoded(face.convert("1"), "PNG"),
        "good-cmyk.jpg": encoded(face.convert("CMYK"), "JPEG"),
        "good-animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "good-animated.webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "good-wrong-extension.png": jpeg,
        "good-no-extension": jpeg,
        "good-[/red] [bold]markup.jpg": jpeg,
        "good-two\nlines.jpg": jpeg,
        "good-\udcff\udcfe.jpg": jpeg,
        "--good-looks-like-an-option.jpg": jpeg,
    }


def hostile_videos(clip: Path, folder: Path) -> dict[str, Path]:
    """Write videos and return them by name: `good` ones must be replayed to their end."""
    whole = clip.read_bytes()
    ffmpeg = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y"]
    written = {
        "bad-truncated.mp4": whole[: len(whole) // 3],
        "bad-nothing.mp4": b"",
        "bad-text.mp4": b"#EXTM3U\nfile:///etc/passwd\n" * 20,
        "bad-noise.mp4": np.random.default_rng(8).bytes(50_000),
        "bad-list.ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "bad-playlist.m3u8": (
            b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n"
        ),
    }
    for name, content in written.items():
        (folder / name).write_bytes(content)
    made = {
        "bad-no-frames.mp4": ["-i", str(clip), "-t", "0", "-an"],
        "bad-sound-only.mp4": ["-f", "lavfi", "-i", "sine=d=1", "-vn"],
        "bad-huge.avi": ["-f", "lavfi", "-i", "color=s=9000x5000:d=0.1:r=10", "-c:v", "png"],
        "good-one-pixel.avi": [
            "-f", "lavfi", "-i", "color=s=16x16:d=0.5:r=10,crop=1:1:exact=1",
            "-c:v", "ffv1", "-pix_fmt", "bgr0",
        ],
        "good-grey-16-bit.mkv": [
            "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.5:r=10", "-pix_fmt", "gray16le",
            "-c:v", "ffv1",
        ],
        "good-alpha.mov": [
            "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.5:r=10", "-pix_fmt", "rgba", "-c:v", "png",
        ],
        "good-animated.gif": ["-f", "lavfi", "-i", "testsrc=s=64x64:d=0.5:r=10"],
    }  # fmt: skip
    for name, arguments in made.items():
        subprocess.run([*ffmpeg, *arguments, str(folder / name)], check=True)
    (folder / "good-picture.mp4").write_bytes(encoded(Image.new("RGB", (64, 64)), "PNG"))
    return {name: folder / name for name in sorted([*written, *made, "good-picture.mp4"])}
