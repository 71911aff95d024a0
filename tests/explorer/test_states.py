"""Saved states, names of components, and a second run."""

import json

import numpy as np
import pytest
from PIL import Image

from eccentric import cli
from eccentric.errors import EccentricError, UsageError
from eccentric.explorer import Scene
from eccentric.explorer.counterpart import Counterpart
from eccentric.explorer.states import fingerprint, read_state_file
from eccentric.runs import Run
from eccentric.runs.component_names import LONGEST, read_names, write_names


def test_a_saved_state_is_decoded_to_the_same_image(images, image_run, tmp_path, monkeypatch, capsys):
    state = [0.5, -1.25, 2.0]
    saved = tmp_path / "state.json"
    saved.write_text(json.dumps({"run": "x", "components": fingerprint(image_run), "state": state}))
    command = ["eccentric", "sample", image_run.path, "--state", saved, "--out", tmp_path / "item.png"]
    monkeypatch.setattr("sys.argv", [str(part) for part in command])
    with pytest.raises(SystemExit) as ended:
        cli.run()
    assert not ended.value.code
    assert "note" not in capsys.readouterr().out
    assert np.array_equal(np.asarray(Image.open(tmp_path / "item.png")), images.decode(np.array([state]))[0, 0])
    saved.write_text(json.dumps({"components": "of another run", "state": state}))
    assert "saved from another run" in read_state_file(saved, image_run)[1][0]


@pytest.mark.parametrize("other", ["--count", "--seed", "--length"])
def test_a_saved_state_does_not_go_with_settings_of_random_items(image_run, tmp_path, monkeypatch, capsys, other):
    command = ["eccentric", "sample", image_run.path, "--state", "state.json", other, 2, "--out", tmp_path / "item.png"]
    monkeypatch.setattr("sys.argv", [str(part) for part in command])
    with pytest.raises(SystemExit) as ended:
        cli.run()
    assert ended.value.code == 2
    assert other in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[1, 2, 3]", "no list of numbers"),
        ('{"state": [1, 2, NaN]}', "no list of numbers"),
        ('{"state": [1, 2]}', "a state of 2 components, but .* has 3"),
    ],
)
def test_files_that_are_no_states(image_run, tmp_path, content, said):
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(EccentricError, match=said):
        read_state_file(tmp_path / "state.json", image_run)


def test_names_are_kept_in_the_folder(tmp_path):
    assert read_names(tmp_path, 2) == ["", ""]
    write_names(tmp_path, ["slant\n\x00 of it", "x" * 100])
    assert read_names(tmp_path, 3) == ["slant of it", "x" * LONGEST, ""]
    (tmp_path / "names.json").write_text('{"components": [1, "b"]}')
    assert read_names(tmp_path, 2) == ["", "b"]
    (tmp_path / "names.json").write_text("{")
    assert read_names(tmp_path, 1) == [""]


def test_a_run_is_its_own_counterpart_up_to_order_and_sign(images, image_run, second_run):
    other = Counterpart(images, Scene(second_run))
    states = np.eye(3)
    turned = other.states(states)
    assert sorted(np.abs(turned).argmax(1)) == [0, 1, 2]
    assert set(np.abs(turned).ravel()) == {0.0, 1.0}
    p, q = images.test_states, other.scene.test_states
    correlation = [np.corrcoef(p[:, k], q @ turned[k])[0, 1] for k in range(3)]
    assert np.allclose(np.abs(correlation), other.correlation, atol=1e-5)


def test_runs_on_other_data_do_not_go_together(images, image_run, table):
    with pytest.raises(UsageError, match=r"has 5 columns, but .* has 1x8x8 images"):
        Counterpart(images, table)
    with pytest.raises(UsageError, match="are one run"):
        Counterpart(images, Scene(Run(image_run.path)))
