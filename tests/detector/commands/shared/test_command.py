from __future__ import annotations

import pytest

from detector.commands.shared.command import errors_as_lines


@pytest.mark.parametrize("error", [ValueError("a\nb"), OSError("a b")])
def test_errors_that_a_user_can_mend_are_one_line_and_exit_code_2(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, errors_as_lines():
        raise error
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: a b\n"


def test_faults_of_the_program_keep_their_traceback() -> None:
    for fault in (ImportError("x", name="numpy"), KeyError("x")):
        with pytest.raises(type(fault)), errors_as_lines():
            raise fault


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("torch", "PyTorch", "train"),
        ("torch.nn", "PyTorch", "train"),
        ("torchvision", "torchvision", "train"),
        ("sklearn", "scikit-learn", "svm"),
        ("tensorboard", "TensorBoard", "tensorboard"),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(
    module: str, package: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, errors_as_lines():
        raise ModuleNotFoundError(f"No module named '{module}'", name=module)
    assert ended.value.code == 2
    said = (
        f'error: this command needs {package}: pip install "inception-rcnn[{extra}]", or in a clone'
        f' pip install -e ".[{extra}]"\n'
    )
    assert capsys.readouterr().err == said


def test_a_missing_dependency_is_one_line_with_the_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended, errors_as_lines():
        raise ModuleNotFoundError("No module named 'scipy'", name="scipy")
    assert ended.value.code == 2
    assert "'scipy'. Run in the folder of pyproject.toml" in capsys.readouterr().err
