from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.open311.wording import plain_status, plain_text


@pytest.mark.parametrize(("text", "said"), [
    ("<p>Deep &amp; growing</p><p>By the school</p>", "Deep & growing\n\nBy the school"), ("a<br/>b", "a\nb"),
    ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"), ("R&D", "R&D"), ("&lt;b&gt;deep&lt;/b&gt;", "deep"), ("&nbsp;x&#22353;", "x坑"),
    ('<a href="http://x">photo</a>', "photo"), ("<!-- c -->x", "x"),
    ("  kept  as it is\n\n\n\nwas ", "  kept  as it is\n\n\n\nwas "),
])  # fmt: skip
def test_markup_is_taken_off(text: str, said: str) -> None:
    assert plain_text(text) == said


@given(st.text().filter(lambda text: "<" not in text and "&" not in text))
def test_a_text_without_markup_stays(text: str) -> None:
    assert plain_text(text) == text


@pytest.mark.parametrize(("status", "plain"), [
    ("open", "open"), ("Closed ", "closed"), ("FIXED", "closed"), ("in progress", "open"),
    ("not councils responsibility", "closed"), ("no-further-action", "closed"), ("", "open"), ("anything", "open"),
])  # fmt: skip
def test_every_status_is_open_or_closed(status: str, plain: str) -> None:
    assert plain_status(status) == plain
