"""The pages of the gallery show sensible numbers, and pictures.

The docs build runs the examples; these tests read what it has printed, so that nothing is computed
twice: `python -m sphinx -b html docs docs/_build/html`, then `pytest tests/test_gallery.py`.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "auto_examples"
NAMES = sorted(
    str(path.relative_to(ROOT / "examples").with_suffix(""))
    for path in ROOT.glob("examples/*/plot_*.py")
)
OUTPUT = r"\.\. rst-class:: sphx-glr-script-out\n\n \.\. code-block:: none\n\n((?:    .*\n|\n)*)"


@pytest.fixture
def read():
    """Return a function that reads what the code of a page printed."""
    if not PAGES.exists():
        pytest.skip(f"the docs have not been built: {PAGES} does not exist")

    def read_page(name):
        return "".join(re.findall(OUTPUT, (PAGES / f"{name}.rst").read_text(encoding="utf-8")))

    return read_page


def numbers(pattern, output):
    """All numbers that stand where a pattern has its group."""
    return [float(number) for number in re.findall(pattern, output)]


def test_there_are_pages():
    assert len(NAMES) >= 9


@pytest.mark.parametrize("name", NAMES)
def test_every_page_has_clean_output_and_a_picture(read, name):
    output = read(name)
    assert output.strip()
    # What Keras calls is deprecated by numpy; whether that is shown depends on other libraries.
    ours = re.sub(r".*keras/src/.*DeprecationWarning: __array__ .*\n", "", output)
    assert not re.search(r"Warning: |absl::|\dit/s|\x1b", ours)
    pictures = PAGES / Path(name).parent / "images"
    assert list(pictures.glob(f"sphx_glr_{Path(name).name}_001*.png"))


def test_images(read):
    lstm, linear = numbers(
        r"test accuracy.*: +([\d.]+)", read("classification/plot_images_row_by_row")
    )
    assert lstm > 0.93
    assert linear > 0.85


def test_only_a_network_with_memory_tells_which_digit_comes_first(read):
    output = read("classification/plot_which_digit_comes_first")
    lines = re.findall(r"^ +(.+): +([\d. ]+)$", output, re.M)
    accuracies = {name: [float(value) for value in values.split()] for name, values in lines}
    lstm = accuracies.pop("LSTM")
    assert len(accuracies) == len(lstm) == 3
    assert min(lstm) > 0.1 + max(map(max, accuracies.values()))


def test_the_next_value(read):
    output = read("forecasting/plot_from_a_window")
    lstm, _, before, mean = numbers(r"(?m): +([\d.]+)$", output)
    assert lstm < min(before, mean)


def test_months(read):
    at_once, next_month = read("forecasting/plot_monthly_intervals").split("one month ahead")
    ours, repeated, grown = numbers(r"([\d.]+) thousand", at_once)
    assert ours < grown < repeated
    ours, _, *simple, _ = numbers(r"([\d.]+) thousand", next_month)
    assert ours < min(simple)
    (inside,) = numbers(r"intervals: (\d+) of 28 months", next_month)
    assert 14 < inside <= 28


def test_shops(read):
    output = read("forecasting/plot_shops_of_a_table")
    ((ours, naive),) = re.findall(r"MASE +([\d.]+) +([\d.]+)", output)
    assert float(ours) < 0.8 * float(naive)


def test_reviews(read):
    output = read("text/plot_film_reviews")
    words, pairs, averaged, lstm = numbers(r"test accuracy.*: +([\d.]+)", output)
    if "generated reviews" in output:
        assert lstm > 0.1 + max(words, pairs, averaged)
    assert min(words, lstm) > 0.6


def test_writing(read):
    output = read("text/plot_writing_by_characters")
    single, pairs, lstm = numbers(r"(?:frequencies.*|LSTM): +([\d.]+)", output)
    assert lstm < pairs < single
    carried, again = numbers(r"([\d.]+) µs a character", output)
    assert carried < again


def test_each_epoch_writes_better(read):
    output = read("text/plot_writing_after_each_epoch")
    *epochs, baseline = numbers(r"([\d.]+) nats", output)
    assert epochs[-1] < epochs[0] < baseline


def test_the_inside(read):
    output = read("inspection/plot_gates_and_importance")
    (accuracy,) = numbers(r"test accuracy ([\d.]+)", output)
    assert accuracy > 0.9
    falls = re.findall(r"(\w+) at time step (\d+): accuracy falls by ([-\d.]+)", output)
    assert sorted(fall[:2] for fall in falls[:2]) == [("current", "4"), ("current", "5")]
    assert float(falls[2][2]) < 0.1 < float(falls[1][2])
