"""What a register camera does to a face: jitter of the alignment, light, blur, codec, cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from agent.estimate.align import TEMPLATE_RATIO, similarity, warp
from agent.records import Float32Array, UInt8Array
from training.h264 import through_h264


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strengths; a `_ratio` is the share of the crops that meet the effect."""

    keypoint_noise_ratio: float = 0.015
    rotation_degrees: float = 12.0
    scale_ratio: float = 0.10
    shift_ratio: float = 0.03
    colour_ratio: float = 0.8
    grey_ratio: float = 0.05
    low_resolution_ratio: float = 0.25
    blur_ratio: float = 0.15
    noise_ratio: float = 0.1
    jpeg_ratio: float = 0.15
    h264_ratio: float = 0.1
    cover_ratio: float = 0.2


def jittered_crop(
    image: UInt8Array,
    keypoints: Float32Array,
    crop_px: int,
    settings: Augmentation,
    random: np.random.Generator,
) -> UInt8Array:
    """Return an aligned crop as a register camera might have given it.

    Args:
        image: (height, width, 3) uint8, RGB.
        keypoints: (4, 2) pixels: right eye, left eye, nose, mouth.
        crop_px: Width and height of the crop.
        settings: Strengths.
        random: Source of every choice.
    """
    target = TEMPLATE_RATIO * crop_px
    target = target + random.normal(0, settings.keypoint_noise_ratio * crop_px, target.shape)
    transform = similarity(keypoints.astype(np.float64), target)
    angle = np.deg2rad(settings.rotation_degrees) * random.uniform(-1, 1)
    scale = 1 + settings.scale_ratio * random.uniform(-1, 1)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    centre = crop_px / 2
    shift = settings.shift_ratio * crop_px * random.uniform(-1, 1, 2)
    rotation = np.array([[cos, -sin], [sin, cos]])
    transform = rotation @ transform
    transform[:, 2] += centre + shift - rotation @ np.array([centre, centre])
    crop = warp(image, transform, crop_px)
    if random.random() < 0.5:
        crop = _pixels(cv2.flip(crop, 1))
    return degrade(crop, settings, random)


def degrade(crop: UInt8Array, settings: Augmentation, random: np.random.Generator) -> UInt8Array:
    """Return the crop after colour, resolution, blur, noise, JPEG and cover."""
    size = crop.shape[0]
    if random.random() < settings.colour_ratio:
        crop = _colour(crop, random)
    if random.random() < settings.grey_ratio:
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        crop = _pixels(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
    if random.random() < settings.low_resolution_ratio:
        small = int(size * random.uniform(0.25, 0.9))
        reduced = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
        crop = _pixels(cv2.resize(reduced, (size, size), interpolation=cv2.INTER_LINEAR))
    if random.random() < settings.blur_ratio:
        crop = _blur(crop, random)
    if random.random() < settings.noise_ratio:
        noise = random.normal(0, random.uniform(2, 12), crop.shape)
        crop = np.clip(crop + noise, 0, 255).astype(np.uint8)
    if random.random() < settings.jpeg_ratio:
        quality = int(random.uniform(20, 80))
        _, encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
        crop = _pixels(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    if settings.h264_ratio and random.random() < settings.h264_ratio:
        moved = random.integers(-2, 3, 2)
        crop = through_h264(crop, int(random.integers(24, 41)), (int(moved[0]), int(moved[1])))
    if random.random() < settings.cover_ratio:
        crop = _cover(crop, random)
    return crop


def _pixels(image: Any) -> UInt8Array:
    """Return OpenCV's result as what it is: uint8 goes in, uint8 comes out."""
    return np.asarray(image, np.uint8)


def _colour(crop: UInt8Array, random: np.random.Generator) -> UInt8Array:
    levels = np.arange(256, dtype=np.float32) / 255
    gamma = np.exp(random.uniform(-0.5, 0.5))
    contrast = random.uniform(0.7, 1.3)
    brightness = random.uniform(-0.15, 0.15)
    curves = np.empty((256, 1, 3), np.uint8)
    for channel in range(3):
        tint = random.uniform(0.9, 1.1)
        curve = ((levels**gamma) * tint - 0.5) * contrast + 0.5 + brightness
        curves[:, 0, channel] = np.clip(curve * 255, 0, 255)
    return _pixels(cv2.LUT(crop, curves))


def _blur(crop: UInt8Array, random: np.random.Generator) -> UInt8Array:
    size = crop.shape[0]
    if random.random() < 0.5:
        sigma = random.uniform(0.4, 0.02 * size)
        return _pixels(cv2.GaussianBlur(crop, (0, 0), sigma))
    length = max(3, int(random.uniform(0.02, 0.09) * size))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    centre = (length / 2 - 0.5, length / 2 - 0.5)
    turn = cv2.getRotationMatrix2D(centre, random.uniform(0, 180), 1)
    turned = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    return _pixels(cv2.filter2D(crop, -1, turned / max(float(turned.sum()), 1e-6)))


def _cover(crop: UInt8Array, random: np.random.Generator) -> UInt8Array:
    crop = crop.copy()
    size = crop.shape[0]
    colour = random.integers(0, 256, 3)
    kind = random.random()
    if kind < 0.3:  # a mask over mouth and nose
        crop[int(random.uniform(0.48, 0.6) * size) :] = colour
    elif kind < 0.5:  # dark glasses
        top = int(random.uniform(0.2, 0.25) * size)
        crop[top : top + int(0.17 * size), int(0.1 * size) : int(0.9 * size)] = colour // 4
    else:
        height, width = (random.uniform(0.1, 0.4, 2) * size).astype(int)
        top, left = random.integers(0, size - height), random.integers(0, size - width)
        crop[top : top + height, left : left + width] = colour
    return crop
