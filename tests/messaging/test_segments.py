import pytest

from messaging.segments import count_segments, to_gsm_7


@pytest.mark.parametrize(
    ("text", "count", "encoding", "room"),
    [
        ("", 1, "GSM-7", 160),
        ("a" * 160, 1, "GSM-7", 0),
        ("a" * 161, 2, "GSM-7", 153 * 2 - 161),
        ("a" * 306, 2, "GSM-7", 0),
        ("a" * 307, 3, "GSM-7", 152),
        ("é" * 160, 1, "GSM-7", 0),
        ("€" * 80, 1, "GSM-7", 0),
        ("€" * 81, 2, "GSM-7", 153 - 10),  # 76 pairs fit into 153 septets; a pair is never torn
        ("ê" * 70, 1, "UCS-2", 0),
        ("ê" * 71, 2, "UCS-2", 67 - 4),
        ("😀" * 35, 1, "UCS-2", 0),
        ("😀" * 36, 2, "UCS-2", 67 - 6),  # 33 pairs fit into 67 units
        ("Привет", 1, "UCS-2", 64),
    ],
)
def test_counts_the_parts_of_a_text_message(text: str, count: int, encoding: str, room: int) -> None:
    segments = count_segments(text)
    assert (segments.count, segments.encoding, segments.room) == (count, encoding, room)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("C’est prêt — payez ici…", "C'est pret - payez ici..."),
        ("1\u202f000\u00a0$ à l’échéance", "1 000 $ à l'échéance"),
        ("Fenêtre, cœur, ça", "Fenetre, coeur, ca"),
        ("Кофейня: обновите карту", "Кофейня: обновите карту"),
        ("Café [x] €", "Café [x] €"),
    ],
)
def test_makes_a_text_fit_the_alphabet_of_phones_where_nothing_is_lost(text: str, plain: str) -> None:
    assert to_gsm_7(text) == plain
