"""Every screen has words in every language, and none of them approves."""

from __future__ import annotations

import re
from string import Formatter
from typing import get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given

from agent.display.screen import Fault, HeardAlert, Screen
from agent.display.wording import LANGUAGES, Language, texts, words
from agent.outcomes import AlertReason

APPROVING = re.compile(r"\b(ok|okay|approved?|allowed|passed|ок|одобрено|разрешено|можно)\b", re.I)


def alert(reason: str = "several_people", category: str = "alcohol") -> HeardAlert:
    return HeardAlert("e", "s", reason, category, 25, 2)


def test_both_languages_have_the_same_texts_with_the_same_places() -> None:
    def places(template: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(template) if name}

    english, russian = texts("en"), texts("ru")
    assert english.keys() == russian.keys()
    assert {k: places(v) for k, v in english.items()} == {k: places(v) for k, v in russian.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_approves_a_sale(language: Language) -> None:
    assert not [text for text in texts(language).values() if APPROVING.search(text)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_and_every_fault_has_its_own_words(language: Language) -> None:
    reasons = {words(Screen("ask", alert=alert(r)), language).reason for r in get_args(AlertReason)}
    faults = {words(Screen("fault", fault), language).reason for fault in get_args(Fault)}
    assert len(reasons) == len(get_args(AlertReason))
    assert len(faults) == len(get_args(Fault))
    assert texts(language)["reason.other"] not in reasons


def test_the_age_and_the_goods_are_named() -> None:
    shown = words(Screen("ask", alert=alert(), can_confirm=True, more=2), "en")
    assert "25" in shown.reason
    assert shown.tag == "Alcohol"
    assert "2" in shown.note
    assert shown.event_id == "e"


def test_goods_without_a_translation_keep_their_name() -> None:
    assert words(Screen("ask", alert=alert(category="fire_works")), "ru").tag == "Fire works"
    assert words(Screen("ask", alert=alert(category="")), "en").tag == "Restricted goods"


def test_without_a_way_to_confirm_there_are_no_buttons() -> None:
    assert words(Screen("fault", "broker_offline", alert=alert()), "en").event_id == ""


@given(st.text(max_size=64), st.text(max_size=64), st.sampled_from(LANGUAGES))
def test_whatever_an_agent_says_there_are_words(
    reason: str, category: str, language: Language
) -> None:
    shown = words(Screen("ask", alert=alert(reason, category)), language)
    assert shown.headline
    assert shown.reason
    assert shown.tag.strip()
