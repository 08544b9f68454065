"""What the screens say, in every language the display speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from agent.display.screen import Screen

Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_EN = {
    "idle": "Standing by",
    "idle.detail": "No advice. In doubt, ask for ID.",
    "ask": "ASK FOR ID",
    "refused": "DO NOT SELL",
    "refused.reason": "Take off the sale: {category}",
    "refused.detail": "Refusal recorded.",
    "recorded": "ID check recorded",
    "recorded.detail": "Whether to sell is your decision.",
    "fault": "CHECK AGE YOURSELF",
    "fault.before": "ID was due just before the fault. Ask for it.",
    "reason.looks_under_challenge_age": "Looks under {age}",
    "reason.several_people": "Several people: the youngest looks under {age}",
    "reason.no_evidence": "Not sure: no face seen",
    "reason.too_few_crops": "Not sure: face not seen well enough",
    "reason.stale_evidence": "Not sure: face not seen lately",
    "reason.not_calibrated": "Not sure: age check is not calibrated",
    "reason.other": "Not sure",
    "fault.connecting": "Connecting to the age check …",
    "fault.broker_offline": "No connection to the message broker",
    "fault.agent_offline": "The age check is switched off or has failed",
    "fault.stale": "The age check gives no sign of life",
    "fault.camera_offline": "No picture from the camera",
    "fault.camera_stalled": "The camera's picture stands still",
    "fault.camera_starting": "The camera is starting …",
    "fault.page_lost": "This page has lost the display service",
    "category.alcohol": "Alcohol",
    "category.tobacco": "Tobacco",
    "category.energy_drinks": "Energy drinks",
    "category.other": "Restricted goods",
    "more": "Other open sales in which ID is due: {count}",
    "debug_view": "A technician is watching the picture",
    "button.id_checked": "ID checked",
    "button.id_refused": "Refused",
    "not_sent": "Not recorded. Press again.",
    "title": "Age check",
}
_RU = {
    "idle": "Ожидание",
    "idle.detail": "Подсказки нет. Сомневаетесь — спросите документ.",
    "ask": "СПРОСИТЕ ДОКУМЕНТ",
    "refused": "НЕ ПРОДАВАТЬ",
    "refused.reason": "Уберите из чека: {category}",
    "refused.detail": "Отказ записан.",
    "recorded": "Проверка записана",
    "recorded.detail": "Решение о продаже — за вами.",
    "fault": "ПРОВЕРЯЙТЕ ВОЗРАСТ САМИ",
    "fault.before": "Перед сбоем нужен был документ. Спросите его.",
    "reason.looks_under_challenge_age": "На вид меньше {age} лет",
    "reason.several_people": "Несколько человек: младшему на вид меньше {age} лет",
    "reason.no_evidence": "Не уверены: лица не видно",
    "reason.too_few_crops": "Не уверены: лицо видно плохо",
    "reason.stale_evidence": "Не уверены: лица давно не видно",
    "reason.not_calibrated": "Не уверены: проверка не откалибрована",
    "reason.other": "Не уверены",
    "fault.connecting": "Подключение к проверке возраста …",
    "fault.broker_offline": "Нет связи с сервером сообщений",
    "fault.agent_offline": "Проверка возраста выключена или отказала",
    "fault.stale": "Проверка возраста не отвечает",
    "fault.camera_offline": "Нет изображения с камеры",
    "fault.camera_stalled": "Изображение с камеры застыло",
    "fault.camera_starting": "Камера включается …",
    "fault.page_lost": "Страница потеряла связь со службой экрана",
    "category.alcohol": "Алкоголь",
    "category.tobacco": "Табак",
    "category.energy_drinks": "Энергетики",
    "category.other": "Товар с ограничением",
    "more": "Документ нужен ещё в открытых чеках: {count}",
    "debug_view": "Техник смотрит изображение",
    "button.id_checked": "Документ проверен",
    "button.id_refused": "Отказ",
    "not_sent": "Не записано. Нажмите ещё раз.",
    "title": "Проверка возраста",
}
_TEXTS: Mapping[Language, Mapping[str, str]] = {"en": _EN, "ru": _RU}


@dataclass(frozen=True, slots=True)
class Words:
    """A screen in words, as the page shows it.

    Attributes:
        kind: Picks colours and picture.
        event_id: Of the alert that the buttons are about; empty: no buttons.
        tag: The goods, short.
        note: What is worth knowing beside it.
    """

    kind: str
    event_id: str
    headline: str
    reason: str
    detail: str
    tag: str
    note: str


def text(language: Language, key: str) -> str:
    """Return one text."""
    return _TEXTS[language][key]


def texts(language: Language) -> Mapping[str, str]:
    """Return all texts of a language, by key."""
    return _TEXTS[language]


def words(screen: Screen, language: Language) -> Words:
    """Return what a screen says."""
    say = _TEXTS[language]
    alert = screen.alert
    category = _category(say, alert.category) if alert is not None else ""
    asking = screen.kind in ("ask", "refused")
    return Words(
        kind=screen.kind,
        event_id=alert.event_id if alert is not None and screen.can_confirm else "",
        headline=say[screen.kind],
        reason=_reason(screen, say, category),
        detail=screen.detail or say.get(f"{screen.kind}.detail", ""),
        tag=category if asking else "",
        note=_note(screen, say),
    )


def _category(say: Mapping[str, str], category: str) -> str:
    known = say.get(f"category.{category}")
    return known or category.replace("_", " ").strip().capitalize() or say["category.other"]


def _reason(screen: Screen, say: Mapping[str, str], category: str) -> str:
    if screen.fault is not None:
        return say[f"fault.{screen.fault}"]
    if screen.kind == "refused":
        return say["refused.reason"].format(category=category)
    if screen.alert is None:
        return ""
    template = say.get(f"reason.{screen.alert.reason}", say["reason.other"])
    return template.format(age=screen.alert.challenge_age_years)


def _note(screen: Screen, say: Mapping[str, str]) -> str:
    notes = []
    if screen.fault is not None and screen.alert is not None:
        notes.append(say["fault.before"])
    if screen.more:
        notes.append(say["more"].format(count=screen.more))
    if screen.debug_view:
        notes.append(say["debug_view"])
    return " · ".join(notes)
