"""A trained model, and commands that run, fail or are misused."""

import pytest

from commands import TEXT, TINY, outcome, target
from sklstm import WordSequenceGenerator, persistence
from sklstm.cli.main import main


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """With a text, a model that one epoch trained, and the output of the training."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "book.txt").write_text(TEXT)
    code, out, err = outcome(
        lambda: main(["text", "train", str(folder / "book.txt"), *target(folder), *TINY])
    )
    assert code == 0, err
    (folder / "out").write_text(out)
    (folder / "err").write_text(err)
    return folder


@pytest.fixture
def book(folder):
    return str(folder / "book.txt")


@pytest.fixture
def model(folder):
    return str(folder / "book.sklstm")


@pytest.fixture(scope="session")
def words(folder):
    """A word model."""
    generator = WordSequenceGenerator(4, embedding_dim=4, window=8, epochs=1, random_state=0)
    persistence.save(generator.fit(TEXT), folder / "words.sklstm")
    return str(folder / "words.sklstm")


@pytest.fixture
def text(capsys):
    """Run a text command; return the code, standard output and standard error."""

    def run(*arguments):
        code = main(["text", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(text):
    """Run a text command that must fail; return the line that says why."""

    def run(*arguments):
        code, out, err = text(*arguments)
        assert code == 1
        assert out == ""
        *before, last = err.splitlines()
        assert last.startswith("python -m sklstm: error: ")
        assert not before or arguments[0] == "train"
        assert "Traceback" not in err
        return last

    return run


@pytest.fixture
def misused(capsys):
    """Run a command that argparse must refuse; return its message."""

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([*map(str, arguments)])
        assert exit_.value.code == 2
        return capsys.readouterr().err

    return run
