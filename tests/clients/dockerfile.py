"""Carries out a Dockerfile without Docker: in a folder and a virtual environment."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

# The results of two environments are the same bits if these are the same.
COMPUTES = ("numpy", "scipy", "scikit-learn", "onnx", "onnxruntime")
OF_IMAGES_ONLY = {"FROM", "USER", "EXPOSE", "HEALTHCHECK"}


class Image:
    """What a Dockerfile makes: the files and the packages of an image, in `folder`.

    It knows the instructions of the Dockerfile that is tested, and refuses all others.
    """

    def __init__(self, dockerfile, context, folder):
        self.context, self.root = context, folder
        self.packages = folder / "venv"
        venv.create(self.packages, symlinks=True)
        self.python = self.packages / "bin" / "python"
        self.environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        self.work = self.command = None
        for word, rest in instructions(dockerfile):
            if word not in OF_IMAGES_ONLY:
                getattr(self, word.lower())(rest)

    def workdir(self, path):
        self.work = self.place(path)
        self.work.mkdir(parents=True)

    def place(self, path):
        """Return where a path of the image is."""
        return self.root / path.lstrip("/") if path.startswith("/") else self.work / path

    def copy(self, names):
        *sources, target = shlex.split(names)
        for source in (self.context / name for name in sources):
            if source.is_dir():  # Docker copies what is in it
                shutil.copytree(source, self.place(target))
                continue
            place = self.place(target)
            if target.endswith("/"):
                place.mkdir(exist_ok=True)
            shutil.copy(source, place)

    def run(self, line):
        """Run pip, with the versions of the packages that compute as they are here."""
        program, *arguments = shlex.split(line)
        assert program == "pip"
        constraints = self.root / "constraints.txt"
        constraints.write_text("".join(f"{name}=={version(name)}\n" for name in COMPUTES))
        settings = {"PIP_CONSTRAINT": str(constraints), "PIP_NO_COMPILE": "1"}  # the latter is fast
        command = [sys.executable, "-m", "pip", "--python", self.python, *arguments]
        environment = self.environment | settings
        subprocess.run(command, cwd=self.work, env=environment, check=True, stdout=sys.stderr)

    def env(self, line):
        variables = dict(part.split("=", 1) for part in shlex.split(line))
        places = {k: str(self.place(v)) for k, v in variables.items() if v.startswith("/")}
        self.environment |= variables | places

    def cmd(self, line):
        program, *arguments = json.loads(line)
        self.command = [self.packages / "bin" / program, *arguments]


def instructions(dockerfile):
    """Yield each instruction as a word and the rest of its line."""
    text = Path(dockerfile).read_text(encoding="utf-8").replace("\\\n", "")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split(maxsplit=1)
