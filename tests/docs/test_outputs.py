"""What blocks printed is written below them, compared with what stands there, and free of what varies."""

import pytest

from support.pages import LONGEST, blocks_of, check_outputs, shown

PAGE = """# Tides

```python
print(1)
```

Then:

=== "In a tab"

    ```python
    print(2)
    ```

    ```output
    old
    ```

```python
x = 3
```
"""


@pytest.fixture
def page(tmp_path):
    page = tmp_path / "tides.md"
    page.write_text(PAGE)
    return page


@pytest.fixture
def written(page, monkeypatch):
    monkeypatch.setenv("WRITE_OUTPUTS", "1")
    check_outputs(page, ["1\n", "2\n\n3\n", ""])
    monkeypatch.delenv("WRITE_OUTPUTS")
    return page


def test_blocks_of_tabs_are_blocks(page):
    assert [block.strip() for block in blocks_of(page)] == ["print(1)", "print(2)", "x = 3"]


def test_an_output_is_written_below_its_block(written):
    text = written.read_text()
    assert "print(1)\n```\n\n```output\n1\n```\n\nThen:" in text
    assert "    ```output\n    2\n\n    3\n    ```\n\n```python\nx = 3\n```\n" in text.replace(
        "    \n", "\n"
    )
    assert "old" not in text


def test_what_was_written_is_not_stale(written):
    check_outputs(written, ["1\n", "2\n\n3\n", ""])


@pytest.mark.parametrize(
    "printed", [["4", "2\n\n3", ""], ["", "2\n\n3", ""], ["1", "2\n\n3", "new"]]
)
def test_a_stale_output_fails(written, printed):
    with pytest.raises(AssertionError, match="make outputs"):
        check_outputs(written, printed)


def test_a_block_that_was_not_run_keeps_its_output(written):
    check_outputs(written, [None, None, None])


def test_ids_and_ports_are_not_shown():
    printed = "gen-1730000000-abcdef call_0a1b2c3d4e http://127.0.0.1:41234/api/v1"
    assert shown(printed) == "gen-... call_... http://127.0.0.1:8765/api/v1"


def test_a_long_output_is_cut():
    assert shown("line\n" * 100).splitlines()[LONGEST:] == ["..."]
