"""The reader of documentation pages, and what holds for the pages themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.page import DOCS, Command, anchor, anchors, commands, links

PAGE = """\
# Encoders

```python
not a shell
```

## One: the first

```sh
# tracks v
ffmpeg -i a \\
  -c copy |
curl -T -

A=1 ls   # a remark
```

<!-- not run: no camera -->

```sh
cat /dev/video0
```

```sh
true
```
"""


def test_commands_are_whole_and_know_where_they_stand() -> None:
    first, second, third, last = commands(PAGE)
    assert (first.section, first.line, first.says) == ("One: the first", 11, "tracks v")
    assert first.text.startswith("ffmpeg -i a \\\n")
    assert first.text.endswith("-c copy |\ncurl -T -")
    assert first.program == "ffmpeg"
    assert second == Command("One: the first", 15, "A=1 ls   # a remark")
    assert second.program == "ls"
    assert (third.text, third.not_run) == ("cat /dev/video0", "no camera")
    assert (last.text, last.not_run) == ("true", None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```sh\nls\n", "line 1: this block is never closed"),
        ("a\n```sh\nls \\\n```\n", "line 3: goes on after the end of its block"),
        ("<!-- not run: because -->\nText\n", "line 2: not a block"),
    ],
)
def test_a_page_that_is_not_well_made_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        list(commands(text))


def test_an_anchor_is_spelt_as_github_does() -> None:
    assert anchor("DASH-IF Live Media Ingest, interface 1 (CMAF)") == (
        "dash-if-live-media-ingest-interface-1-cmaf"
    )


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_links_within_a_page_lead_somewhere(path: Path) -> None:
    text = path.read_text()
    assert set(links(text)) <= anchors(text)
