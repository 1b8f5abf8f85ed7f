"""Tasks in other languages and scripts: a good text is kept, a repeated, short or leaking one is not."""

import json
from itertools import cycle
from typing import Any

import pytest

from seedless import Generation, Options, Refusal, Row, Task
from seedless.assertions import Language
from seedless.kept import Kept
from seedless.slot import Context, Draft, InstanceSeed, Slot
from seedless.testing import fake_lm
from seedless.text import words

TEXTS = {
    "zh": (
        "这部电影的节奏紧凑，演员的表演也非常自然。",
        "服务员态度冷淡，菜上得很慢，再也不会来了。",
        "手机电池用了半天就没电了，客服也不理人。",
        "妈妈每天都看看窗外的小鸟，心情特别好。",
        "新买的耳机音质清晰，戴一整天都不累。",
        "酒店房间又小又吵，半夜还停了热水。",
    ),
    "ja": (
        "この映画は最後まで目が離せませんでした。",
        "店員の対応が遅くて、料理も冷めていました。",
        "新しいパソコンは静かで、とても使いやすいです。",
        "ホテルの部屋は狭くて、夜もうるさかった。",
        "電池が半日しか持たず、本当に困っています。",
        "子供たちは公園で楽しそうに遊んでいた。",
    ),
    "th": (
        "หนังเรื่องนี้สนุกมากและนักแสดงเล่นดีทุกคน",
        "อาหารมาช้าและพนักงานพูดไม่สุภาพเลย",
        "โทรศัพท์เครื่องใหม่แบตหมดเร็วเกินไป",
        "ห้องพักสะอาด วิวสวย และเจ้าของใจดี",
        "รถไฟขบวนเช้าล่าช้าอีกแล้วเป็นครั้งที่สาม",
        "กาแฟร้านนี้หอมและราคาไม่แพง",
    ),
    "hi": (
        "यह फिल्म बहुत अच्छी थी और कहानी दिल को छू गई।",
        "खाना ठंडा था और वेटर ने धीरे धीरे काम किया।",
        "नया फोन आधे दिन में ही बंद हो जाता है।",
        "होटल का कमरा साफ था और दृश्य सुंदर था।",
        "बच्चे पार्क में खेल रहे थे और सब खुश थे।",
        "ट्रेन आज फिर दो घंटे देर से आई।",
    ),
    "id": (
        "Orang-orang di desa itu sangat ramah kepada kami.",
        "Makanannya dingin dan pelayannya lambat sekali.",
        "Anak-anak bermain pelan-pelan di halaman sekolah.",
        "Kamar hotel itu sempit dan berisik sepanjang malam.",
        "Baterai ponsel baru saya habis dalam setengah hari.",
        "Kereta pagi terlambat lagi untuk ketiga kalinya.",
    ),
    "ar": (
        "كان الفيلم ممتعا وأداء الممثلين رائعا.",
        "وصل الطعام باردا وكان النادل بطيئا جدا.",
        "تنفد بطارية الهاتف الجديد في نصف يوم.",
        "كانت غرفة الفندق نظيفة والمنظر جميلا.",
        "لعب الأطفال في الحديقة طوال المساء.",
        "تأخر القطار مرة أخرى هذا الصباح.",
    ),
    "ko": (
        "영화가 지루해서 중간에 나오고 싶었습니다.",
        "음식이 따뜻했고 직원도 아주 친절했어요.",
        "새로 산 휴대폰 배터리가 반나절 만에 꺼집니다.",
        "호텔 방이 좁고 밤새 시끄러웠습니다.",
        "아이들이 공원에서 즐겁게 놀고 있었다.",
        "아침 기차가 또 늦게 도착했습니다.",
    ),
}
ALSO_GOOD = {
    "de": (
        "Ich rufe dich morgen Abend aus dem Büro an.",
        "Am 3. Oktober fuhren wir mit dem Zug nach Hamburg.",
        "Er sagte „Guten Morgen“ und ging in die Küche.",
        "Das kostet ca. 30 Euro, z. B. im Supermarkt.",
        "Frau Meier war die, die die Rechnung bezahlt hat.",
    ),
    "fr": ("Tu ne sais même pas ce que tu as.", "Nous nous sommes bien amusés hier soir au théâtre."),
    "sv": ("Han sa ”god morgon” och gick ut i köket.",),
    "ja": ("彼は「もう行かない。」と言って帰りました。",),
    "en": ("The train left at 5 p.m. Monday.", "He moved to the U.S.", "She was happy to help with the boxes."),
}
QUESTIONS = {
    "el": ("Ποιος έγραψε αυτό το βιβλίο;", "Πού βρίσκεται ο σταθμός του τρένου;", "Πότε ανοίγει το μουσείο σήμερα;"),
    "ar": ("من كتب هذا الكتاب القديم؟", "أين تقع محطة القطار؟", "متى يفتح المتحف أبوابه اليوم؟"),
    "zh": ("这本书是谁写的？", "火车站在什么地方？", "博物馆今天几点开门？"),
}


def task_in(language: str, **field: Any) -> Task:
    return Task(
        name="notes",
        description="Short notes.",
        language=language,
        fields=({"name": "text", "description": "a short note", "form": "sentence", **field},),
        labels=(
            {"name": "a", "meaning": "It is of the first kind.", "constraint": "Write one of the first kind about {context}."},
            {"name": "b", "meaning": "It is of the second kind.", "constraint": "Write one of the second kind about {context}."},
        ),
        contexts={"hint": "places", "given": ["a street", "a shop", "a room"]},
        seeds={"hint": "things", "given": ["a door", "a lamp"]},
    )


def outcomes(task: Task, texts: tuple[str, ...], n: int, **options: Any) -> tuple[list[Row], list[Refusal], list[str]]:
    told = cycle(texts)
    lm = fake_lm(lambda _: json.dumps({"text": next(told)}))
    with Generation(task, n=n, options=Options(lm=lm, verify="none", concurrency=1, **options)) as generation:
        found = list(generation)
    return [o for o in found if isinstance(o, Row)], [o for o in found if isinstance(o, Refusal)], lm.fake.prompts


@pytest.mark.parametrize("language", TEXTS)
def test_good_texts_are_kept(language: str) -> None:
    texts = TEXTS[language]
    rows, refusals, prompts = outcomes(task_in(language), texts, len(texts))
    assert refusals == []
    assert sorted(row.texts["text"] for row in rows) == sorted(texts)
    assert [row.provenance.attempts for row in rows] == [1] * len(texts), "no text was objected to"
    unit = "characters" if language in {"zh", "ja", "th"} else "words"
    assert all(f"in the language '{language}'" in prompt and f"in one sentence of 3 to 60 {unit}" in prompt for prompt in prompts)


@pytest.mark.parametrize("language", ALSO_GOOD)
def test_what_looks_like_a_slip_in_english_or_a_sentences_end_is_kept(language: str) -> None:
    texts = ALSO_GOOD[language]
    rows, refusals, _ = outcomes(task_in(language), texts, len(texts), attempts=1)
    assert (len(rows), refusals) == (len(texts), [])


@pytest.mark.parametrize("language", QUESTIONS)
def test_good_questions_are_kept(language: str) -> None:
    texts = QUESTIONS[language]
    rows, refusals, _ = outcomes(task_in(language, form="question"), texts, len(texts))
    assert (len(rows), refusals) == (len(texts), [])


@pytest.mark.parametrize(
    ("language", "first", "again"),
    [
        ("zh", TEXTS["zh"][0], "这部电影的节奏紧凑，演员的表演也很自然。"),
        ("ja", TEXTS["ja"][0], "この映画は最後まで目が離せないです。"),
        ("th", TEXTS["th"][0], "หนังเรื่องนี้สนุกมากและนักแสดงเล่นดีมาก"),
        ("hi", TEXTS["hi"][0], "यह फिल्म बहुत अच्छी थी और कहानी मन को छू गई।"),
    ],
)
def test_a_near_duplicate_is_seen(language: str, first: str, again: str) -> None:
    rows, _, prompts = outcomes(task_in(language), (first, again, TEXTS[language][1]), 2)
    assert [row.texts["text"] for row in rows] == [first, TEXTS[language][1]]
    assert "near_duplicate" in rows[1].provenance.broken
    assert "nearly the same" in prompts[2]


def test_lengths_are_told_in_characters() -> None:
    rows, _, prompts = outcomes(task_in("zh", min_words=15), ("天气很好。", *TEXTS["zh"]), 2)
    assert len(rows) == 2
    assert "The text has 4 characters; write at least 15." in prompts[1]


def test_an_english_task_is_told_its_form_and_no_language() -> None:
    _, _, prompts = outcomes(task_in("en", max_words=9), ("The door of the shop was open.", "Nobody lit the lamp at night."), 2)
    assert all("in one sentence of 3 to 9 words" in prompt and "language" not in prompt for prompt in prompts)


@pytest.mark.parametrize("asked", ["en", "de", "fr", "es", "ja", "ar"])
def test_a_whole_sentence_in_another_language_is_refused(asked: str) -> None:
    """All of them but those that are too short to tell."""
    slot = Slot(0, 0, "a", InstanceSeed("a door", Context("a street")))
    others = [
        text
        for all_of in (TEXTS, ALSO_GOOD, QUESTIONS)
        for language, texts in all_of.items()
        for text in texts
        if language != asked and len(words(text)) >= 8
    ]
    assert len(others) > 30
    assert [text for text in others if Language(code=asked).check(Draft({"text": text}), slot, Kept()) is None] == []
