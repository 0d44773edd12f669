from __future__ import annotations

from byline.capture import redaction
from byline.capture.values import plain
from byline.model import masks


def test_the_marks_are_those_that_the_capture_library_writes() -> None:
    assert (masks.MASKED, masks.MASKED_PREVIOUS) == (redaction.MASKED, redaction.MASKED_PREVIOUS)
    hashing = redaction.Masking(hash=["iban"], key="k" * 16)
    _, hashed = hashing.apply("t", None, {"iban": "AT61"})
    assert hashed is not None
    assert masks.is_masked(hashed["iban"])
    deep: object = 1
    for _ in range(150):
        deep = [deep]
    cut = plain(deep)
    assert masks.is_masked(cut)


def test_only_the_marks_themselves_are_marks() -> None:
    for text in ("", "**", "****", "x ***", "hmac:xyz", "hmac:" + "0" * 31, "cut: no"):
        assert not masks.is_masked(text)
    assert not masks.is_masked({"a": [1, None, True, "***!"]})


def test_an_encrypted_value_is_veiled_and_not_masked() -> None:
    envelope = {"a": [{"$enc": {"digest": "x"}}]}
    assert masks.is_veiled(envelope)
    assert not masks.is_masked(envelope)
