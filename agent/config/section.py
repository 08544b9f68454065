"""What every section of the config shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Section(BaseModel):
    """Frozen, and refuses a key that it does not know."""

    # A fault's own text would show the values, and a camera's address may hold its password.
    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )


Ratio = Annotated[float, Field(ge=0.0, le=1.0)]
#: Lower case, for topics and file names.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
#: A corner of a polygon as (x, y) shares of the picture's width and height.
Corner = tuple[Ratio, Ratio]
Polygon = Annotated[tuple[Corner, ...], Field(min_length=3, max_length=32)]
