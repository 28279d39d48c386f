"""A question and what answers it share words, whatever the script, the ending and the line's end."""

import pytest

from longspan.spans import content_words, relevance
from longspan.spans.words import words


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Where is the barometer?", "Three barometers hung in the hall."),
        ("Which boxes?", "One box."),
        ("Which cities?", "A city."),
        ("Where is the barometer?", "It lay behind the baro-\nmeter."),
        ("Where is the barometer?", "It lay behind the baro\u00admeter."),
        ("Who is well known?", "A well-\nknown keeper"),
        ("What is an email?", "Write an e-mail."),
        ("Who is Nunez?", "El señor Núñez guarda la llave."),
        ("istanbul nerede?", "Anahtar İSTANBUL çantasında."),
        ("Wo ist die Straße?", "Die STRASSE ist dort."),
        ("What is the total price?", "computeTotalPrice()"),
        ("computeTotalPrice", "It was total, the price"),
        ("total price", "compute_total_price"),
        ("Who owes 41234?", "He owes 41,234 crowns."),
        ("4711 とは何ですか", "部屋番号は４７１１です。"),
        ("등대지기가 누구입니까?", "새 등대지기는 김철수이다."),
        ("김은 누구?", "그날 김이 왔다"),
        ("أين المفتاح؟", "وُجِدَ المِفْتَاحُ تَحْتَ الحَجَرِ"),
        ("איפה המפתח?", "הַמַּפְתֵּחַ מִתַּחַת לָאֶבֶן"),
        ("दूरबीन कहाँ मिली?", "पीतल की दूरबीन"),
        ("ผู้ดูแลประภาคาร", "เมื่อวานผู้ดูแลคนใหม่มา"),
        ("ключ", "Мы нашли ключи под камнем."),
        ("ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
        ("naïve", "nai\u0308ve"),
    ],
)
def test_a_question_meets_its_answer(question: str, text: str) -> None:
    assert relevance([text, "北 x"], question)[0] > 0


@pytest.mark.parametrize(
    ("question", "text"),
    [("bar", "barometer"), ("lamp", "lump"), ("ดี", "ดู"), ("who", "The telescope"), ("١٢", "13")],
)
def test_other_words_are_not_met(question: str, text: str) -> None:
    assert relevance([text, "北 x"], question)[0] == 0


def test_a_question_of_stop_words_is_answered_by_them() -> None:
    scores = relevance(["On that day the wind blew.", "He is the one who did it."], "Who is he?")
    assert scores[1] > scores[0]
    assert content_words("Who is he?") == []


def test_words_keep_their_order() -> None:
    assert list(words("The well-known Lamp")) == ["the", "well", "known", "wellknown", "lamp"]
