"""Numbers as text, and the page."""

import json
import re

import pytest

from eccentric.errors import UsageError
from eccentric.paper import ITEMS, Claim, Number, Result, Table, published, records
from eccentric.paper.page import section, write_page
from eccentric.paper.results import ordered, record, summarised
from eccentric.paper.trend import Line, Trend
from eccentric.paper.widths import widths_section
from eccentric.paper.writing import Kept, write_item
from tests.paper.conftest import MILESTONE

CONDITIONS = {"device": "a CPU", "versions": {"eccentric": "1"}, "seconds": 200.0}


@pytest.mark.parametrize(
    ("number", "texts"),
    [
        (Number("x", 1.234, 1.0), ("1.23", "1.00", "+0.23 (+23 %)")),
        (Number("x", 2.6, 2.0, 0.14, 0.1, 1, "%"), ("2.6 ± 0.1 %", "2.0 ± 0.1 %", "+0.6 (+30 %)")),
        (Number("x", 42.6, 43.0, digits=0, unit="°"), ("43°", "43°", "0 (−1 %)")),
        (Number("x", -0.001, None), ("0.00", "", "")),
        (Number("x", -2.5, 0.0), ("−2.50", "0.00", "−2.50")),
    ],
)
def test_numbers_as_printed(number, texts):
    assert (number.text(), number.published_text(), number.deviation_text()) == texts


def test_summaries_of_measurements():
    number = summarised("x", [1.0, 3.0], (2.5, 0.1), digits=1)
    assert (number.ours, number.spread, number.published_spread) == (2.0, pytest.approx(2**0.5), 0.1)
    assert summarised("x", [1.0]).spread is None


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([((1, 0), (2, 0)), ((1, 0.5), (1.6, 0.5))], True),
        ([((1, 0), (2, 0)), ((1, 0.5), (1.1, 0.5))], None),
        ([((2, 0), (1, 0))], False),
        ([((1.2, 0.1), (1.0, 0.3)), ((1, 0), (2, 0))], None),
        ([((1.2, 0.1), (1.0, 0.3)), ((1.2, 0.1), (1.0, 0.1))], False),
        ([((1, 0.1), (2, None))], None),
        ([((2, None), (1, 0.1))], None),
        ([((1, None), (2, None)), ((2, 0.1), (1, 0.1))], False),
    ],
)
def test_order_is_not_decided_within_the_spread_or_without_one(pairs, expected):
    assert ordered((Number("a", a, spread=s), Number("b", b, spread=t)) for (a, s), (b, t) in pairs) is expected


@pytest.mark.parametrize(("a", "b", "expected"), [(1.0, 1.04, None), (1.0, 1.06, True), (-2.0, -2.2, False)])
def test_order_of_single_measurements(a, b, expected):
    assert ordered([(Number("a", a), Number("b", b))], single=0.05) is expected


def test_json_holds_plain_values():
    import numpy as np

    value = {"a": np.float32(0.5), 2: [np.arange(2), float("nan")], "b": (np.bool_(True), None)}
    assert json.dumps(record(value)) == '{"a": 0.5, "2": [[0, 1], null], "b": [true, null]}'


def test_tables_are_aligned():
    text = Table(["", "n"], [["a", "1.0"], ["*paper*", "*−2*"]]).markdown()
    assert text == "|  | n |\n| --- | --: |\n| a | 1.0 |\n| *paper* | *−2* |\n"


def result(**changes):
    plain = {
        "numbers": [Number("radius", 2.0, 1.0)],
        "claims": [
            Claim("it holds", True, "2 > 1"),
            Claim("it fails", False, "2 < 3"),
            Claim("who knows", None, "2 ± 1"),
        ],
        "notes": ["A note."],
        "table": Table(["a"], [["1"]]),
        "series": {"curve": {"x": [1, 2], "y": [0.5, 0.25]}},
    }
    return Result(**{**plain, **changes})


def test_an_item_s_folder(tmp_path):
    folder = write_item(tmp_path, ITEMS["table2"], result(), CONDITIONS)
    assert {path.name for path in folder.iterdir()} == {"result.json", "numbers.csv", "table.md", "curve.csv"}
    assert (folder / "curve.csv").read_text() == "x,y\n1,0.5\n2,0.25\n"
    assert (folder / "numbers.csv").read_text().splitlines()[1] == "radius,2,,1,,1,"
    content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert content["numbers"][0]["deviation"] == 1.0
    assert [claim["holds"] for claim in content["claims"]] == [True, False, None]


def test_the_page_says_what_fails_first(tmp_path):
    write_item(tmp_path, ITEMS["table2"], result(), CONDITIONS)
    page = write_page(tmp_path, ITEMS).read_text(encoding="utf-8")
    assert "Of 3 claims tested, 1 is reproduced, 1 is undecided (" in page
    assert "- [Table 2](#table2) (formulas): it fails. Our result: 2 < 3." in page
    assert "- ✓ it holds: 2 > 1." in page
    assert "- ✗ **not reproduced:** it fails: 2 < 3." in page
    assert "- ≈ **undecided:** who knows: 2 ± 1." in page
    assert "| radius | 2.00 | 1.00 | +1.00 (+100 %) |" in page
    assert "computed in 0:03:20" in page
    assert "Not computed yet: fig1, fig2" in page


def test_where_nothing_compares_there_are_no_deviations(tmp_path):
    folder = write_item(tmp_path, ITEMS["table2"], result(comparable=False), CONDITIONS)
    content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    text = section(content, None, None)
    assert "| radius | 2.00 | 1.00 |" in text
    assert "deviation" not in text


@pytest.mark.parametrize(
    ("share", "stands_in", "said"), [(0.001, False, True), (1.0, False, False), (0.1, True, False)]
)
def test_a_page_says_how_much_less_was_trained(tmp_path, share, stands_in, said):
    data = {"name": "mnist", "train": 60_000, "test": 10_000, "split": "its own", "remark": ""}
    data |= {"stands_in": stands_in, "whole": not stands_in}
    names = ("epochs", "batch_size", "learning_rate", "schedule", "precision", "architecture", "seeds", "width")
    settings = {name: [1] for name in names}
    trained = {"data": {"mnist": data}, "share_of_papers": share, "trainings": 1, "recipe": "fast", **settings}
    conditions = {**CONDITIONS, **trained, "training_seconds": 3.0}
    folder = write_item(tmp_path, ITEMS["table3"], result(), conditions)
    text = section(json.loads((folder / "result.json").read_text(encoding="utf-8")), None, None)
    assert ("our runs saw 1/1,000 of the number of items" in text) == said


def test_a_page_elsewhere_takes_its_pictures_along(made, store, tmp_path):
    page = write_page(store.folder, ITEMS, tmp_path / "docs" / "page.md")
    text = page.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert [each for each in pictures if "trend" not in each] == [f"images/page/fig{k}.png" for k in range(1, 10)]
    assert "images/page/table2-trend.png" in pictures
    assert all((page.parent / picture).stat().st_size > 1000 for picture in pictures)
    assert [line[:4] for line in text.splitlines() if line.startswith("## ")] == ["## <"] * 14
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text)
    assert "instead of MNIST" in text


def test_a_page_is_written_from_what_is_kept_where_there_are_no_runs(made, store, tmp_path):
    page = tmp_path / "docs" / "page.md"
    text = write_page(store.folder, ITEMS, page).read_text(encoding="utf-8")
    page.unlink()
    elsewhere = tmp_path / "elsewhere"
    assert write_page(elsewhere, ITEMS, page).read_text(encoding="utf-8") == text
    assert Kept(page).read("table3") == made["table3"]
    write_item(elsewhere, ITEMS["table3"], result(), CONDITIONS)  # made anew there: in its place
    again = write_page(elsewhere, ITEMS, page).read_text(encoding="utf-8")
    assert "- ✓ it holds: 2 > 1." in again
    assert Kept(page).read("table4") == made["table4"]


def test_the_page_shows_how_numbers_move_with_training(tmp_path):
    trend = Trend([1, 3], [100, 300], 10_000, {"Radius": [Line("d = 2", [3.0, 2.0], 1.0, None)]}, 1)
    data = {"name": "mnist", "train": 100, "test": 10, "split": "its own", "remark": "", "whole": True}
    names = ("epochs", "batch_size", "learning_rate", "precision", "architecture", "seeds", "width")
    conditions = {**CONDITIONS, **{name: [1] for name in names}, "schedule": ["one-cycle"], "recipe": "fast"}
    conditions |= {"data": {"mnist": {**data, "stands_in": False}}, "trainings": 1, "training_seconds": 3.0}
    write_item(tmp_path, ITEMS["table2"], result(), conditions, trend)
    assert (tmp_path / "table2" / "trend.png").stat().st_size > 1000
    page = write_page(tmp_path, ITEMS).read_text(encoding="utf-8")
    assert "](table2/trend.png)" in page
    assert "*Numbers after 1 and 3 epochs. The last point is the result above;" in page
    assert "(one seed of each setting) earlier in training, while the learning rate is still high." in page
    assert "stars mark the published values" in page
    assert "|  | 1 epoch | 3 epochs | published |\n| --- | --: | --: | --: |\n| Radius: d = 2 | 3 | 2 | 1 |" in page


def test_the_page_of_a_store_shows_the_pictures_in_it(store):
    text = (store.folder / "reproduction.md").read_text(encoding="utf-8")
    assert "](fig3/figure.png)" in text


def test_what_another_version_wrote_is_as_good_as_not_made(tmp_path):
    write_item(tmp_path, ITEMS["table2"], result(), CONDITIONS)
    (tmp_path / "fig1").mkdir()
    (tmp_path / "fig1" / "result.json").write_text('{"name": "fig1"}')
    assert "Not computed yet: fig1," in write_page(tmp_path, ITEMS).read_text(encoding="utf-8")


def test_no_page_of_nothing(tmp_path):
    with pytest.raises(UsageError, match="nothing was reproduced"):
        write_page(tmp_path, ITEMS)


def test_trainings_are_kept_as_small_records(store, tmp_path, monkeypatch):
    page = tmp_path / "docs" / "page.md"
    write_page(store.folder, ITEMS, page)
    assert Kept(page).records() == []  # the digits are no data set of the paper's

    monkeypatch.setattr(records, "MILESTONES", (MILESTONE,))
    monkeypatch.setitem(records.OFFICIAL, "digits", {"train": 60_000, "test": 10_000})
    monkeypatch.setitem(published.EPOCHS, "digits", 1000)
    text = write_page(store.folder, ITEMS, page).read_text(encoding="utf-8")
    found = Kept(page).records()
    assert len(found) == 17
    assert [each["name"] for each in found] == sorted(each["name"] for each in found)
    assert all(list(each["course"]) == ["2", "5"] for each in found)
    assert len(text[text.index("All trainings") :].splitlines()) == 17 + 6
    page.unlink()
    assert write_page(tmp_path / "elsewhere", ITEMS, page).read_text(encoding="utf-8") == text


def test_widths_are_compared_where_only_they_differ():
    def trained(width, epochs, measured=None, **other):
        recipe = {"seed": 0, "batch_size": 20, "learning_rate": 1e-3, "schedule": "one-cycle", "precision": "auto"}
        return {
            "data": "celeba",
            "items": {"train": 8052, "test": 945},
            "train": {"dim": 64, "epochs": epochs, "width": width, **recipe, **other},
            "method": {"settings": {"weight": 0.0001, "mu": 1.0}},
            "eigenvalues": [3.0, 1.0],
            "course": {str(epochs): {"test_reconstruction": 0.008}},
            "measured": measured or {},
        }

    gain = {"number": 1, "component": 0, "base_rate": 0.5, "linear": 0.8}
    gains = [{"attribute": "Male", "accuracy": 0.65, **gain}, {"attribute": "Smiling", "accuracy": 0.64, **gain}]
    errors = {"2000": {"DT(1)": 18.0, "DT(8)": 19.0}, "8052": {"DT(1)": 17.0, "DT(8)": 18.0, "majority": 20.0}}
    narrow = [trained(0.125, 10, measured={"10": {"table4": errors, "table5": {"attributes": gains}}})]
    for other in ({"seed": 1}, {"learning_rate": 1e-4}):
        assert widths_section(narrow) == widths_section([*narrow, trained(1.0, 10, **other)]) == ""
    section = widths_section([trained(1.0, 10), *narrow])
    rows = [line for line in section.splitlines() if line.startswith("|")]
    assert rows[2] == "| 0.125 | 10 | 0.0080 | 0.50 | 17.00 | 18.00 |  | 1 |"
    assert rows[3] == "| 1 | 10 | 0.0080 | 0.50 |  |  |  |  |"
    assert rows[4] == "| *paper: 1* | *100* |  |  | *16.68* | *14.42* | *13.15* | *7* |"
    assert "the paper's runs had 20 times as many items" in section
