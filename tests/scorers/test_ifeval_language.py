"""The language detector on the languages IFEval asks for, their neighbours, and odd texts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from assay.scorers.ifeval.detector import detect_language, known_languages

SENTENCES = {
    "ar": "اشترت أختي كتابا جديدا من السوق، ثم عادت إلى البيت قبل الغروب.",
    "bg": "Вчера купих нова книга за сестра си, но тя вече я беше прочела.",
    "bn": "গতকাল আমি আমার বোনের জন্য একটি নতুন বই কিনেছি।",
    "de": "Gestern habe ich meiner Schwester ein neues Buch gekauft, aber sie hatte es schon gelesen.",
    "en": "Yesterday I bought a new book for my sister, but she had already read it.",
    "fa": "دیروز برای خواهرم یک کتاب تازه خریدم، اما او آن را خوانده بود.",
    "fi": "Ostin eilen siskolleni uuden kirjan, mutta hän oli jo lukenut sen.",
    "gu": "ગઈકાલે મેં મારી બહેન માટે એક નવું પુસ્તક ખરીદ્યું.",
    "hi": "कल मैंने अपनी बहन के लिए एक नई किताब खरीदी, लेकिन वह उसे पढ़ चुकी थी।",
    "it": "Ieri ho comprato un libro nuovo per mia sorella, ma lei lo aveva già letto.",
    "kn": "ನಿನ್ನೆ ನಾನು ನನ್ನ ಸಹೋದರಿಗೆ ಹೊಸ ಪುಸ್ತಕ ಖರೀದಿಸಿದೆ.",
    "ko": "어제 여동생에게 새 책을 사 주었는데 이미 읽은 책이었다.",
    "mr": "काल मी माझ्या बहिणीसाठी एक नवीन पुस्तक घेतले, पण तिने ते आधीच वाचले होते.",
    "ne": "हिजो मैले मेरी बहिनीको लागि एउटा नयाँ किताब किनें, तर उनले पहिले नै पढेकी थिइन्।",
    "pa": "ਕੱਲ੍ਹ ਮੈਂ ਆਪਣੀ ਭੈਣ ਲਈ ਇੱਕ ਨਵੀਂ ਕਿਤਾਬ ਖਰੀਦੀ।",
    "pt": "Ontem comprei um livro novo para a minha irmã, mas ela já o tinha lido.",
    "ru": "Вчера я купил сестре новую книгу, но она её уже прочитала.",
    "sw": "Jana nilimnunulia dada yangu kitabu kipya, lakini alikuwa amekisoma tayari.",
    "ta": "நேற்று என் தங்கைக்கு ஒரு புதிய புத்தகம் வாங்கினேன்.",
    "te": "నిన్న నేను మా చెల్లికి కొత్త పుస్తకం కొన్నాను.",
    "th": "เมื่อวานฉันซื้อหนังสือเล่มใหม่ให้น้องสาว",
    "ur": "کل میں نے اپنی بہن کے لیے ایک نئی کتاب خریدی، لیکن وہ اسے پڑھ چکی تھی۔",
    "vi": "Hôm qua tôi mua một cuốn sách mới cho em gái, nhưng em đã đọc rồi.",
    # neighbours that must not be taken for one of the above
    "ca": "Ahir vaig comprar un llibre nou per a la meva germana, però ella ja l'havia llegit amb els amics.",
    "da": "I går købte jeg en ny bog til min søster, men hun havde allerede læst den.",
    "el": "Χθες αγόρασα ένα καινούργιο βιβλίο για την αδελφή μου.",
    "es": "Ayer compré un libro nuevo para mi hermana, pero ella ya lo había leído.",
    "et": "Ostsin eile oma õele uue raamatu, aga ta oli selle juba läbi lugenud.",
    "fr": "Hier j'ai acheté un nouveau livre pour ma sœur, mais elle l'avait déjà lu.",
    "he": "אתמול קניתי ספר חדש לאחותי.",
    "ja": "昨日、妹に新しい本を買いました。",
    "ml": "ഇന്നലെ ഞാൻ എന്റെ സഹോദരിക്ക് ഒരു പുതിയ പുസ്തകം വാങ്ങി.",
    "nl": "Gisteren heb ik een nieuw boek voor mijn zus gekocht, maar ze had het al gelezen.",
    "pl": "Wczoraj kupiłem siostrze nową książkę, ale ona już ją przeczytała.",
    "sv": "I går köpte jag en ny bok till min syster, men hon hade redan läst den.",
    "tr": "Dün kız kardeşime yeni bir kitap aldım ama o kitabı çok önce okumuş.",
    "uk": "Учора я купив сестрі нову книжку, але вона її вже прочитала.",
    "zh": "昨天我给妹妹买了一本新书。",
}


@pytest.mark.parametrize(("language", "sentence"), SENTENCES.items(), ids=SENTENCES)
def test_one_ordinary_sentence_is_enough(language: str, sentence: str) -> None:
    assert detect_language(sentence) == language
    assert detect_language(sentence.upper()) == language
    assert language in known_languages()


@pytest.mark.parametrize(
    "text", ["what are the two young boys holding?", "RUSH TO WORK!", "it's fine", "Sneaker sale", "naïve café crowds"]
)
def test_short_english_is_english(text: str) -> None:
    assert detect_language(text) == "en"


@pytest.mark.parametrize("text", ["", "  \n", "42", "***", "🙂 → 7 %", "https://example.org/some/english/words"])
def test_a_text_without_letters_has_no_language(text: str) -> None:
    assert detect_language(text) is None


def test_foreign_names_and_terms_do_not_change_the_language() -> None:
    assert (
        detect_language("SRE는 Site Reliability Engineering의 약자로, 서비스의 안정성을 책임지는 역할입니다.") == "ko"
    )
    assert detect_language('She said "das ist gut" and we all laughed about it on the way home.') == "en"
    assert detect_language(SENTENCES["hi"] + " (Python, API)") == "hi"
    assert detect_language(" ".join([SENTENCES["en"]] * 3) + SENTENCES["hi"]) == "en"


def test_every_language_of_the_real_prompts_is_known_and_their_english_is_recognised() -> None:
    data = os.environ.get("ASSAY_TEST_DATA")
    if data is None:
        pytest.skip("ASSAY_TEST_DATA is not set")
    lines = (Path(data) / "benchmarks" / "ifeval_input.jsonl").read_text(encoding="utf-8").splitlines()
    prompts = [json.loads(line) for line in lines]
    asked = {given["language"] for prompt in prompts for given in prompt["kwargs"] if given.get("language")}
    assert len(asked) == 22
    assert asked <= known_languages()
    missed = [prompt["prompt"] for prompt in prompts if detect_language(prompt["prompt"].upper()) != "en"]
    assert not missed
