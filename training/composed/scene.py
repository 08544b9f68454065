"""Draws composed people into a picture as a register's camera would see them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.records import Float32Array, UInt8Array
from training.composed.faces import KnownFace
from training.composed.motion import Motion, Pose, Wave, random_wave

WIDTH_PX, HEIGHT_PX = 640, 480
#: A face's width as a share of the photograph's.
FACE_RATIO = 0.8
#: scikit-image's photographs in which nobody is.
PHOTOGRAPHS = ("brick.png", "coffee.png", "grass.png", "gravel.png", "motorcycle_left.png")
_SHUTTER_S = 1 / 40
_FLICKER_RATIO = 0.2
#: By so much the field of noise is larger than the picture.
_SPARE_PX = 64


@dataclass(frozen=True, slots=True)
class Light:
    """Light and camera of one clip.

    Attributes:
        gain: Brightness over the photograph's.
        slope: Brighter on one side of the picture by this share.
        tint: Of red, green and blue.
        noise_levels: Standard deviation of the sensor's noise in grey levels.
        jpeg_quality: Of the camera's stream.
        softness_px: Of the lens: sigma of a Gaussian.
        flicker: How the light changes, by a fifth at most.
    """

    gain: float
    slope: float
    tint: tuple[float, float, float]
    noise_levels: float
    jpeg_quality: int
    softness_px: float
    flicker: Wave


def random_light(random: np.random.Generator) -> Light:
    """Return the light of a shop, from the evening to a low sun."""
    red, blue = random.uniform(0.9, 1.1, 2)
    return Light(
        gain=float(random.uniform(0.55, 1.2)),
        slope=float(random.uniform(-0.4, 0.4)),
        tint=(float(red), 1.0, float(blue)),
        noise_levels=float(random.uniform(2.0, 9.0)),
        jpeg_quality=int(random.integers(45, 90)),
        softness_px=float(random.uniform(0.0, 0.9)),
        flicker=random_wave(random),
    )


def backgrounds() -> list[UInt8Array]:
    """Return plain and real backgrounds, (480, 640, 3) uint8 RGB each."""
    ramp = np.linspace(90, 150, HEIGHT_PX, dtype=np.float32)[:, None, None]
    plain = np.broadcast_to(ramp, (HEIGHT_PX, WIDTH_PX, 3))
    pictures = [np.ascontiguousarray(plain, np.uint8)]
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        return pictures
    for name in PHOTOGRAPHS:
        picture = cv2.imread(str(Path(spec.origin).parent / "data" / name), cv2.IMREAD_COLOR_RGB)
        if picture is not None:
            sized = cv2.resize(picture, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
            pictures.append(np.ascontiguousarray(sized, np.uint8))
    return pictures


def _mask(height: int, width: int) -> Float32Array:
    """Return (height, width) opacity: the photograph with round corners and a soft edge.

    A tighter mask is not fair: with hair and ears cut off by an ellipse the network took
    everybody for 2.5 years older (67 faces, 2026-11).
    """
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    radius = (np.abs(x) ** 8 + np.abs(y) ** 8) ** (1 / 8)
    soft: Float32Array = np.clip((1.0 - radius) / 0.06, 0, 1).astype(np.float32)
    return soft


@dataclass(frozen=True, slots=True, eq=False)
class _Figure:
    """A person: (h, w, 4) photograph with opacity, movement, and colours of the rest."""

    photograph: Float32Array
    motion: Motion
    clothes: list[float]
    hair: list[float]
    skin: list[float]


def _figure(face: KnownFace, motion: Motion, random: np.random.Generator) -> _Figure:
    """Return a person whose neck and hair have the colours of his chin and forehead."""
    height, width = face.pixels.shape[:2]
    rim = face.pixels[: height // 12, width // 4 : -width // 4].reshape(-1, 3)
    chin = face.pixels[height * 3 // 4 : height * 7 // 8, width * 2 // 5 : -width * 2 // 5]
    return _Figure(
        photograph=_with_mask(face.pixels),
        motion=motion,
        clothes=random.uniform(20, 200, 3).tolist(),
        hair=np.median(rim, axis=0).tolist(),
        skin=(0.8 * np.median(chin.reshape(-1, 3), axis=0)).tolist(),
    )


class Scene:
    """A background, people who move before it, and a camera.

    Args:
        background: (480, 640, 3) uint8, RGB.
        people: Who, and how each moves; later ones stand in front.
        light: Of the whole clip.
        seed: Of the noise.
    """

    def __init__(
        self,
        background: UInt8Array,
        people: tuple[tuple[KnownFace, Motion], ...],
        light: Light,
        seed: int,
    ) -> None:
        self._background = background
        self._random = np.random.default_rng(seed)
        self._people = [_figure(face, motion, self._random) for face, motion in people]
        self._light = light
        noise = self._random.standard_normal((HEIGHT_PX + _SPARE_PX, WIDTH_PX + _SPARE_PX, 3))
        self._noise = (light.noise_levels * noise).astype(np.float32)
        across = np.linspace(-1, 1, WIDTH_PX, dtype=np.float32)[None, :, None]
        self._gain = light.gain * (1 + light.slope * across) * np.array(light.tint, np.float32)

    def frame(self, at_s: float) -> UInt8Array:
        """Return the picture at a time, (480, 640, 3) uint8 RGB; ask in order of time."""
        picture = self._background.astype(np.float32)
        for figure in self._people:
            pose = figure.motion.at(at_s)
            if pose is not None:
                before = figure.motion.at(at_s - _SHUTTER_S) or pose
                _draw_body(picture, figure, pose)
                moved_px = (pose.x_px - before.x_px, pose.y_px - before.y_px)
                _draw_face(picture, figure.photograph, pose, moved_px)
        return self._through_camera(picture, 1 + _FLICKER_RATIO * self._light.flicker.at(at_s))

    def _through_camera(self, picture: Float32Array, flicker: float) -> UInt8Array:
        light = self._light
        if light.softness_px > 0.3:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), light.softness_px), np.float32)
        picture = picture * (flicker * self._gain).astype(np.float32)
        # Another part of one field of noise each time: drawing it anew would cost 8 ms.
        x, y = self._random.integers(0, _SPARE_PX, 2)
        noise = self._noise[y : y + HEIGHT_PX, x : x + WIDTH_PX]
        seen = np.clip(picture + noise, 0, 255).astype(np.uint8)
        _, encoded = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, light.jpeg_quality])
        shown = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
        shown.flags.writeable = False
        return shown


def _with_mask(pixels: UInt8Array) -> Float32Array:
    """Return (h, w, 4) float32: the photograph weighted with its opacity, and that."""
    opacity = _mask(*pixels.shape[:2])[:, :, None]
    return np.concatenate([pixels * opacity, opacity], axis=2).astype(np.float32)


def _draw_body(picture: Float32Array, figure: _Figure, pose: Pose) -> None:
    """Draw hair, neck, shoulders and trunk round the face, so that no mask floats."""
    x_px, y_px, face_px = round(pose.x_px), pose.y_px, pose.face_px
    below_px = picture.shape[0] + round(face_px)
    half_px = round(face_px * 1.25)
    top_px = round(y_px + 1.75 * face_px)
    cv2.rectangle(picture, (x_px - half_px, top_px), (x_px + half_px, below_px), figure.clothes, -1)

    def ellipse(down: float, across: float, high: float, colour: list[float]) -> None:
        axes = (round(across * face_px), round(high * face_px))
        centre = (x_px, round(y_px + down * face_px))
        cv2.ellipse(picture, centre, axes, pose.roll_degrees, 0, 360, colour, -1, cv2.LINE_AA)

    ellipse(1.75, 1.25, 0.75, figure.clothes)
    ellipse(0.8, 0.3, 0.55, figure.skin)
    ellipse(-0.12, 0.62, 0.80, figure.hair)


def _draw_face(
    picture: Float32Array, photograph: Float32Array, pose: Pose, moved_px: tuple[float, float]
) -> None:
    """Lay a photograph over the picture, moved, turned, scaled and blurred by its movement."""
    size = pose.face_px / FACE_RATIO
    reach = int(size * 0.75) + 12
    left, top = round(pose.x_px) - reach, round(pose.y_px) - reach
    patch_px = 2 * reach
    patch = _patch(photograph, pose, size, (pose.x_px - left, pose.y_px - top), patch_px)
    patch = _motion_blurred(patch, moved_px)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(WIDTH_PX, left + patch_px), min(HEIGHT_PX, top + patch_px)
    if x0 >= x1 or y0 >= y1:
        return
    part = patch[y0 - top : y1 - top, x0 - left : x1 - left]
    picture[y0:y1, x0:x1] = picture[y0:y1, x0:x1] * (1 - part[:, :, 3:]) + part[:, :, :3]


def _patch(
    photograph: Float32Array,
    pose: Pose,
    size_px: float,
    centre_px: tuple[float, float],
    patch_px: int,
) -> Float32Array:
    # Area averaging first: warpAffine samples without a filter and would alias.
    small_px = max(8, round(min(size_px, photograph.shape[0])))
    small = cv2.resize(photograph, (small_px, small_px), interpolation=cv2.INTER_AREA)
    scale, angle = size_px / small_px, np.deg2rad(pose.roll_degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.zeros((2, 3))
    matrix[:, :2] = turn @ np.diag([scale * pose.squeeze_ratio, scale])
    middle: npt.NDArray[np.float64] = np.full(2, (small_px - 1) / 2)
    matrix[:, 2] = np.array(centre_px) - matrix[:, :2] @ middle
    return np.asarray(cv2.warpAffine(small, matrix, (patch_px, patch_px)), np.float32)


def _motion_blurred(patch: Float32Array, moved_px: tuple[float, float]) -> Float32Array:
    length = float(np.hypot(*moved_px))
    if length < 1.0:
        return patch
    reach = min(round(length), 25)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    along = np.array(moved_px) / length * min(length, 25.0) / 2
    start, end = (tuple((reach + s * along).round().astype(int).tolist()) for s in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(patch, -1, kernel / kernel.sum()), np.float32)
