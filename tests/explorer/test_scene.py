"""States in, items out: without a server and without a browser."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from eccentric.data.attributes import Attributes
from eccentric.errors import UsageError
from eccentric.explorer import Scene
from eccentric.explorer.rendering import png, table_ranges
from eccentric.explorer.scene import PAIR
from eccentric.inference import decode


def test_the_zero_state_is_the_mean_latent(images, image_run):
    mean = decode(image_run.model(), image_run.components.mean[None].float())
    assert np.array_equal(images.decode(np.zeros((1, 3))), mean.round().clamp(0, 255).to(torch.uint8))


def test_states_of_test_items_decode_to_their_reconstructions(table, table_run):
    z = torch.from_numpy(table_run.latents("test").z)
    assert np.allclose(table.decode(table.test_states), decode(table_run.model(), z), atol=1e-4)


def test_test_states_are_in_standard_deviations(images):
    assert np.allclose(images.test_states * images.deviations, images.view.test.p, atol=1e-5)


def test_pairs_are_those_of_the_components(images, image_run):
    pairs = decode(image_run.model(), image_run.components.eigenpairs(scale=PAIR).flatten(0, 1))
    expected = pairs.round().clamp(0, 255).numpy().reshape(3, 2, *images.view.shape)
    # Rounding to whole grey values can differ by one.
    assert all(np.abs(images.pair(k).astype(float) - expected[k]).max() <= 1 for k in range(3))


def test_combinations_are_those_of_the_papers_grid(images):
    state = np.array([0.5, 0.0, 1.0])
    grid = images.combinations(state, across=[0], down=[2])
    assert grid.shape[:2] == (2, 2)
    assert np.array_equal(grid[0, 1], images.decode(np.array([[PAIR, 0, PAIR]]))[0])
    assert np.array_equal(grid[1, 0], images.decode(np.array([[-PAIR, 0, -PAIR]]))[0])


def test_known_importance_orders_the_components(images, monkeypatch):
    monkeypatch.setitem(images.run.config, "estimator", {"measured": {"component_importance_": [0.1, 0.3, 0.2]}})
    about = images.describe()["components"]
    assert [component["index"] for component in about] == [1, 2, 0]
    assert about[0]["importance"] == 0.3


def test_points_are_coloured_by_the_labels_and_by_each_attribute(image_run, images, monkeypatch):
    monkeypatch.delitem(image_run.config["data"], "label_column", raising=False)  # as in older run folders
    assert [each.name for each in images.colourings] == ["label"]
    count = len(images.test_states)
    attributes = Attributes(["big", "red"], np.zeros((5, 2), bool), np.arange(2 * count).reshape(-1, 2) % 3 == 0)
    scene = Scene(image_run, attributes)
    assert [each.name for each in scene.colourings] == ["label", "big", "red"]
    assert scene.colourings[2].values == ["no", "yes"]
    assert scene.colourings[2].codes.tolist() == attributes.test[:, 1].tolist()
    monkeypatch.setitem(scene.__dict__, "labels", (["False", "True"], np.zeros(count, np.uint16)))
    monkeypatch.setitem(scene.run.config["data"], "source", "celeba")
    del scene.colourings
    assert scene.colourings[0][:2] == ("Smiling", ["no", "yes"])  # the label of this source by default
    monkeypatch.setitem(scene.run.config["data"], "label_column", "smiles")
    del scene.colourings
    assert scene.colourings[0].name == "smiles"
    monkeypatch.delitem(scene.run.config["data"], "label_column")
    elsewhere = Scene(image_run, Attributes(["big"], np.zeros((5, 1), bool), np.zeros((count + 1, 1), bool)))
    assert [each.name for each in elsewhere.colourings] == ["Smiling"]


def test_a_stored_item_is_its_own_nearest(images):
    found = images.nearest(images.stored_states[2].astype(float))["stored"]
    assert found[0]["index"] == 2
    assert found[0]["distance"] == 0  # not the rounding error
    assert [item["distance"] for item in found] == sorted(item["distance"] for item in found)


def test_a_test_item_is_its_own_nearest_and_has_its_row(images):
    found = images.nearest(images.test_states[4].astype(float), count=3)["test"]
    assert len(found) == 3
    assert found[0]["row"] == images.view.test.rows[4]
    assert found[0]["label"] == images.view.test.labels[4]


def test_fewer_items_than_asked_for(images):
    assert len(images.nearest(np.zeros(3), count=1000)["test"]) == len(images.test_states)


def test_random_states_follow_the_methods_samplings(images):
    samplings = images.describe()["samplings"]
    assert samplings
    for sampling in samplings:
        first, second = images.random_state(sampling), images.random_state(sampling)
        assert len(first) == 3
        assert first != second
    with pytest.raises(UsageError, match=r"no sampling 'matchd'.*matched"):
        images.random_state("matchd")


def test_components_come_with_the_largest_variance_first(images):
    about = images.describe()
    variances = [component["variance"] for component in about["components"]]
    assert variances == sorted(variances, reverse=True)
    assert sum(component["share"] for component in about["components"]) == pytest.approx(1)
    assert about["labels"] == sorted(about["labels"])


def test_a_state_of_a_table_has_no_labels(table):
    assert table.describe()["labels"] == []


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "L")])
def test_png_of_any_number_of_channels(channels, mode):
    image = np.random.default_rng(0).integers(0, 256, (channels, 5, 7), dtype=np.uint8)
    opened = Image.open(io.BytesIO(png(image)))
    assert (opened.mode, opened.size) == (mode, (7, 5))
    if channels in (1, 3):
        assert np.array_equal(np.asarray(opened).reshape(5, 7, channels).transpose(2, 0, 1), image)


def test_ranges_hold_the_stored_rows(table):
    ranges = table_ranges(table)
    assert (table.stored >= np.array(ranges.low)).all()
    assert (table.stored <= np.array(ranges.high)).all()
    assert ranges.names == list(table.view.columns)
    assert ranges.left_out == 0
    assert all(len(moves) == 3 for moves in ranges.moves)
