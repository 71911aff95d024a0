"""The benchmark on series, at toy size."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks import sequences
from eccentric.data import load


def write_ts(path, lengths, seed):
    random = np.random.default_rng(seed)
    rows = []
    for number, length in enumerate(lengths):
        features = [",".join(f"{value:.4f}" for value in random.normal(number % 2, 1, length)) for _ in range(2)]
        rows.append(":".join([*features, "ab"[number % 2]]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["# a comment", "@problemName Toy", "@data", *rows]) + "\n")


def test_a_table_at_toy_size(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "aeon" / "datasets" / "data" / "Toy"
    write_ts(folder / "Toy_TRAIN.ts", [3, 5, 4, 6] * 10, 0)
    write_ts(folder / "Toy_TEST.ts", [3, 7, 4, 2] * 3, 1)
    (tmp_path / "aeon" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sequences, "STEPS", 2)
    data = load(sequences.write_npz("Toy", tmp_path / "runs"))
    assert (str(data.spec), len(data.train.x), len(data.test.x)) == ("7x2 sequences", 40, 12)
    baseline, anchors = sequences.measure_pca(data, 2, 2)
    assert anchors.shape == (40, 2)
    assert 0 < baseline["error"] < 2
    rows = sequences.measure(data, "Toy", "eccentric", 2, anchors, 2, tmp_path / "runs")
    assert len(rows) == 2
    assert all(0 <= row["mcc_anchored"] <= 1 for row in rows)
    assert sequences.show("eccentric", rows).count("|") == 7
