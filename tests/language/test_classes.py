"""`{classes}` and the number of outputs that a dataset asks for."""

import pytest

from MNIST.language import SpecError, asks_for_classes, fill_classes, lay_out, parse_spec, parse_template

TEXT = "Layers:\nFlatten\nDense,{classes},softmax\nOptimizer:\n0.001\n1\n100\n"
COLUMNS = "Input:\nThreshold,1\nLayers:\nColumns,10,5{classes}\nOptimizer:\nParallelDelta,0.05\n1\n100\n"


def test_it_is_filled_in_and_nothing_else_is():
    text = "# {classes} of them\nDense,{ classes },softmax  # {classes}\nDense,{class},relu\n"
    assert (
        fill_classes(text, 26) == "# {classes} of them\nDense,26,softmax  # {classes}\nDense,{class},relu\n"
    )
    assert fill_classes(text, None) == text
    assert fill_classes("Dense,{Classes},softmax", 26) == "Dense,26,softmax"
    assert asks_for_classes(TEXT)
    assert not asks_for_classes("# {classes}\nDense,10,softmax\n")


@pytest.mark.parametrize("classes", [2, 26, 1000])
def test_a_file_that_asks_for_them_fits_every_dataset(classes):
    spec = parse_spec(TEXT, classes=classes)
    assert lay_out(spec).classes == classes
    assert parse_template(TEXT, classes=classes).names == ()
    assert parse_spec(TEXT.replace("\n", "\r"), classes=classes) == spec
    assert parse_template(TEXT, classes=classes).fill({}) == spec


def test_without_a_dataset_it_is_a_placeholder_as_any_other():
    assert parse_template(TEXT).names == ("classes",)
    with pytest.raises(SpecError, match="a placeholder"):
        parse_spec(TEXT)


def test_another_number_of_outputs_than_the_datasets_is_an_error_of_its_line():
    with pytest.raises(SpecError) as caught:
        parse_spec(TEXT.replace("{classes}", "12"), "my_net.txt", 26)
    assert str(caught.value) == (
        "my_net.txt, line 3: the network ends in a row of 12 numbers, and this dataset has 26 classes;"
        " let it end in Dense,26,softmax\n    Dense,12,softmax\n    ^^^^^^^^^^^^^^^^"
    )
    assert lay_out(parse_spec(TEXT.replace("{classes}", "12"))).classes == 12


def test_in_a_template_too_where_a_value_decides_them():
    template = parse_template(TEXT.replace("{classes}", "{units}"), classes=3)
    assert template.fill({"units": "3"}).layers[-1].units == 3
    with pytest.raises(SpecError, match="this dataset has 3 classes"):
        template.fill({"units": "4"})


def test_columns_say_how_many_there_are():
    with pytest.raises(
        SpecError, match=r"Columns votes for 10 classes, and this dataset has 3; write classes=3"
    ):
        parse_spec(COLUMNS.replace("{classes}", ""), classes=3)
    network = lay_out(parse_spec(COLUMNS.replace("{classes}", ",classes={classes}"), classes=3))
    assert network.classes == 3
    assert network.nodes[0].parameters[1].shape == (3, 10, 5)
    assert lay_out(parse_spec(COLUMNS.replace("{classes}", ""))).classes == 10


def test_it_is_nothing_to_explore():
    text = TEXT.replace("0.001", "{rate}") + "Explore:\nrate=0.1,0.2\nclasses=3,4\n"
    with pytest.raises(SpecError, match=r"line 10: \{classes\} is the dataset's number of classes"):
        parse_template(text, classes=3)
