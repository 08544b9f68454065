"""Who gets which picture, and what is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from agent.clock import ReplayClock
from agent.viewer.pictures import Pictures


class Desk:
    """Pictures of two cameras, with what was asked of the vision process."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.clock = ReplayClock(now_s=100.0)
        self.pictures = Pictures(["till", "door"], self.asked.append, self.clock)

    async def waiting(self, *camera_ids: str) -> list[asyncio.Task[bytes]]:
        """Let somebody wait for each."""
        tasks = [asyncio.create_task(self.pictures.next(each)) for each in camera_ids]
        await asyncio.sleep(0)
        return tasks


def run(story: Callable[[Desk], Awaitable[None]]) -> None:
    async def told() -> None:
        await story(Desk())

    asyncio.run(told())


def test_one_picture_serves_all_who_wait_for_it() -> None:
    async def story(desk: Desk) -> None:
        waiting = await desk.waiting("till", "till", "door")
        assert desk.asked == ["till", "door"]
        desk.pictures.arrived("till", b"one")
        desk.pictures.arrived("door", b"two")
        assert await asyncio.gather(*waiting) == [b"one", b"one", b"two"]

    run(story)


def test_a_picture_that_nobody_waits_for_is_not_kept() -> None:
    async def story(desk: Desk) -> None:
        desk.pictures.arrived("till", b"old")
        [waiting] = await desk.waiting("till")
        assert not waiting.done()
        desk.pictures.arrived("till", b"new")
        assert await waiting == b"new"

    run(story)


def test_who_goes_away_leaves_the_picture_to_the_others() -> None:
    async def story(desk: Desk) -> None:
        first, second = await desk.waiting("till", "till")
        first.cancel()
        await asyncio.sleep(0)
        desk.pictures.arrived("till", b"picture")
        assert await second == b"picture"
        assert desk.asked == ["till"]

    run(story)


def test_the_age_of_the_last_picture_is_known_and_of_known_cameras_only() -> None:
    async def story(desk: Desk) -> None:
        assert desk.pictures.age_s("till") is None
        desk.pictures.arrived("till", b"picture")
        desk.pictures.arrived("elsewhere", b"picture")
        desk.clock.advance_to(103.0)
        assert desk.pictures.age_s("till") == 3.0
        assert desk.pictures.age_s("elsewhere") is None

    run(story)


def test_after_the_end_nobody_waits() -> None:
    async def story(desk: Desk) -> None:
        [waiting] = await desk.waiting("till")
        desk.pictures.close()
        assert await waiting == b""
        assert await desk.pictures.next("door") == b""
        assert desk.asked == ["till"]

    run(story)
