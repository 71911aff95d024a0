"""Tables as text: every row is read, or one line says what stands in the way."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eccentric.data import from_arrays, load, load_all
from eccentric.data.text_tables import read_text_table
from eccentric.errors import EccentricError
from tests.data.making import write_csv

if TYPE_CHECKING:
    from pathlib import Path

ROWS = "".join(f"{i},{i * i},{'cat' if i % 2 else 'dog'}\n" for i in range(10))


@pytest.mark.parametrize("line", [0, 4, 9])
@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("closing", [None, 6, 9])
def test_a_stray_quotation_mark_never_swallows_rows(
    tmp_path: Path, line: int, column: int, closing: int | None
) -> None:
    rows = [row.split(",") for row in ROWS.splitlines()]
    rows[line][column] = '"' + rows[line][column]
    if closing is not None and closing != line:
        rows[closing][2] += '"'
    path = write_csv(tmp_path / "a.csv", "a,b,class\n" + "\n".join(map(",".join, rows)) + "\n")
    with pytest.raises(EccentricError, match=r"a\.csv: a quotation mark (in|from) line \d+ ") as error:
        load(path)
    assert "\n" not in str(error.value)


def test_quotation_marks_inside_values_are_letters(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "a,b,class\n" + ROWS.replace("cat", '5" cat'))
    assert load(path).label_names == ['5" cat', "dog"]


def test_quoted_text_over_several_lines(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "a,b,class\n" + ROWS.replace("cat", '"big, old\ncat"'))
    data = load(path)
    assert data.label_names == ["big, old\ncat", "dog"]
    assert len(data.train.x) + len(data.test.x) == 10


cells = st.text(alphabet='ab ,;"\n', max_size=6)


@settings(deadline=None, max_examples=200)
@given(st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=2)))
def test_quoted_text_is_read_as_python_writes_it_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("quoted") / "a.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow([f"c{i}" for i in range(len(rows[0]))])
        writer.writerows(rows)
    try:
        table, _ = read_text_table(path)
    except EccentricError:
        return
    found = [["" if v is None else str(v) for v in row.values()] for row in table.to_pylist()]
    assert found == [[cell.strip() for cell in row] for row in rows]


# --- the first line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["12,7,3", "1,2,3", "3,7,12", "cat,5,3", "0.5,1.5,2.5", "x,1,2.5", "0,0,0", "1,2,"])
def test_a_first_line_of_numbers_is_no_header(tmp_path: Path, line: str) -> None:
    with pytest.raises(EccentricError, match=r"the first line contains numbers, but it must name the columns"):
        load(write_csv(tmp_path / "a.csv", f"{line}\n1,2,3\n4,5,7\n"))


def test_a_first_line_that_recurs_is_a_row(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "cat,0,1\ndog,2,3\ncat,4,9\n")
    with pytest.raises(
        EccentricError, match=r"first line looks like a row, because 'cat' also occurs among the values"
    ):
        load(path)


@pytest.mark.parametrize(
    ("header", "notes"),
    [
        ("0,1,2", ["the numbers in the first line are used as names of the columns"]),
        (
            "label,0,1",
            ["column 'label' is used as the labels and not for training; --label '' keeps it as a feature"],
        ),
        ("gene,2001,2002", None),
        ("mean 1,mean 2,3rd", []),
    ],
)
def test_headers_with_numbers(tmp_path: Path, header: str, notes: list[str] | None) -> None:
    path = write_csv(tmp_path / "a.csv", f"{header}\n1,2,3\n4,5,7\n")
    if notes is None:  # two numbers could be a row
        with pytest.raises(EccentricError, match=r"the first line contains numbers"):
            load(path)
    else:
        assert load(path).notes == notes


def test_years_for_names(tmp_path: Path) -> None:
    data = load(write_csv(tmp_path / "a.csv", "country,1990,1991,1992\nFR,1,2,3\nDE,4,5,7\n"), label="country")
    assert data.feature_names == ["1990", "1991", "1992"]
    assert data.notes == ["the numbers in the first line are used as names of the columns"]


def test_a_comment_is_no_header(tmp_path: Path) -> None:
    with pytest.raises(EccentricError, match=r"the first line begins with '#', but must name the columns"):
        load(write_csv(tmp_path / "a.csv", "# made by x\na,b\n1,2\n3,4\n"))


# --- encodings, delimiters, blanks ----------------------------------------------------------------------------------


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    for text in ("a,class\n1,café\n2,cafè\n", "a,größe\n1,2\n3,4\n"):
        (tmp_path / "a.csv").write_text(text, encoding="latin-1")
        with pytest.raises(EccentricError, match=r"a\.csv is not text in UTF-8 \(line \d: b'.*'\); save it in that"):
            load(tmp_path / "a.csv")


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, sign: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=sign)
    writer.writerows([["a", "b, m", "class"], [1, 2, "x;y"], [3, 5, "x|y"], [4, 4, "x, y"]])
    data = load_all(write_csv(tmp_path / "a.csv", text.getvalue()))
    assert data.feature_names == ["a", "b, m"]
    assert data.label_names == ["x, y", "x;y", "x|y"]


def test_delimiters_that_could_be_either(tmp_path: Path) -> None:
    assert load(write_csv(tmp_path / "a.csv", "a, m;b\n1;2\n3;5\n")).feature_names == ["a, m", "b"]
    with pytest.raises(EccentricError, match=r"the delimiter could be ',' or ';'"):
        load(write_csv(tmp_path / "a.csv", "a, m;b\n1,5;2\n3,1;5\n"))


def test_labels_are_stripped_and_never_empty(tmp_path: Path) -> None:
    data = load(write_csv(tmp_path / "a.csv", "a, class\n1, cat\n2,cat\n4 , dog \n"))
    assert data.label_names == ["cat", "dog"]
    for empty in ("", "  ", '""'):
        path = write_csv(tmp_path / "a.csv", f"a,class\n1,cat\n2,{empty}\n3,dog\n")
        with pytest.raises(EccentricError, match=r"label 'class' is missing in row 1; fill it"):
            load(path)
    with pytest.raises(EccentricError, match=r"column 'class' has blanks before a quotation mark in row 1"):
        load(write_csv(tmp_path / "a.csv", 'a, class\n1,cat\n2, "cat"\n'))


# --- columns without a name -----------------------------------------------------------------------------------------


def test_columns_without_a_name(tmp_path: Path) -> None:
    def read(values: tuple[object, ...]) -> tuple[list[str], list[str]]:
        rows = "".join(f"{v},{i},{i * i}\n" for i, v in enumerate(values))
        data = load(write_csv(tmp_path / "a.csv", ",a,b\n" + rows))
        return data.feature_names, data.notes

    assert read((0, 1, 2)) == (["a", "b"], ["column '' left out: it contains the row numbers that pandas writes"])
    assert read((3, 5, 90)) == (["a", "b"], ["column '' left out: it contains the row numbers that pandas writes"])
    assert read(("u", "v", "w")) == (["a", "b"], ["column '' left out: it contains the names of the rows"])
    kept = ["column '' kept although it has no name: its values are not row numbers"]
    assert read((5.5, -3.7, 2.5)) == (["", "a", "b"], kept)
    assert read((5, 3, 4)) == (["", "a", "b"], kept)


# --- labels that look like numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (["007", "7"], ["007", "7"]),
        (["01", "02"], ["01", "02"]),
        (["1.1", "1.10"], ["1.1", "1.10"]),
        (["1", "1.0"], ["1", "1.0"]),
        (["98765432109876543210", "98765432109876543211"], ["98765432109876543210", "98765432109876543211"]),
        (["2020-01-02", "2020-01-01"], ["2020-01-01", "2020-01-02"]),
        (["10", "9"], ["9", "10"]),
        (["1.0", "2.0"], ["1", "2"]),
        ([" 1", "2"], ["1", "2"]),
    ],
)
@pytest.mark.parametrize("label", [None, "kind"])
def test_labels_stay_text_where_numbers_would_merge_or_alter_them(
    tmp_path: Path, written: list[str], names: list[str], label: str | None
) -> None:
    rows = "".join(f"{i},{written[i % 2]}\n" for i in range(10))
    write_csv(tmp_path / "a.csv", f"a,{label or 'Label'}\n{rows}")
    for source in (tmp_path / "a.csv", tmp_path):
        data = load_all(source, label=label)
        assert data.label_names == names
        codes = data.splits["all"].labels
        assert codes is not None
        assert [names[code] for code in codes[:2].tolist()] == [
            w.strip() if w.strip() in names else str(int(float(w))) for w in written
        ]


def test_a_column_of_measurements_stays_numbers(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i}.5\n{i},{i}.50\n{i},0{i}.25\n" for i in range(30))
    data = load_all(write_csv(tmp_path / "a.csv", f"a,target\n{rows}"))
    assert data.feature_names == ["a", "target"]


def test_a_leading_zero_among_the_data_is_a_number(tmp_path: Path) -> None:
    data = load_all(write_csv(tmp_path / "a.csv", "a,b\n01,2\n02,3\n"))
    assert data.splits["all"].x[:, 0].tolist() == [1, 2]


def test_labels_of_bytes_that_are_not_utf8_do_not_merge() -> None:
    labels = np.array([b"caf\xe9", b"caf\xe8"] * 5, dtype=object)
    data = from_arrays(np.arange(20.0).reshape(10, 2), labels)
    assert data.label_names == ["caf\\xe8", "caf\\xe9"]


@pytest.mark.parametrize(
    ("name", "values", "narrow"),
    [
        ("a", ["0.1", "-2.25", "3e30"], True),
        ("a", ["1.5", "", "nan"], True),
        ("label", ["0.1", "0.2", "0.1"], False),
        ("own", ["0.1", "0.2", "0.1"], False),
        ("a", ["0.5", "1e300", "2.5"], False),  # beyond float32: the message shows the value
        ("a", ["100000000.01", "100000000.02", "100000000.03"], False),  # float32 would make them constant
    ],
)
def test_long_tables_are_narrowed_only_where_this_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, values: list[str], narrow: bool
) -> None:
    path = write_csv(tmp_path / "a.csv", f"{name},other\n" + "".join(f"{value},x\n" for value in values))
    usual, _ = read_text_table(path, "own")
    monkeypatch.setattr("eccentric.data.text_tables.LARGE", 0)
    long, _ = read_text_table(path, "own")
    assert long.column_names == usual.column_names
    assert str(long.schema.field(name).type) == ("float" if narrow else "double")
    assert long["other"] == usual["other"]
    x, y = (np.asarray(table[name].to_numpy(), np.float32 if narrow else np.float64) for table in (long, usual))
    np.testing.assert_array_equal(x, y)


def test_a_long_table_with_another_type_further_down_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eccentric.data.text_tables.LARGE", 0)
    rows = "1,2.5\n" * 300_000
    table, _ = read_text_table(write_csv(tmp_path / "a.csv", f"a,b\n{rows}0.5,3.5\n"))
    assert table.num_rows == 300_001
    assert (table["a"][-1].as_py(), table["b"][-1].as_py()) == (0.5, 3.5)
