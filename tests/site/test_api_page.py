"""The API page lists what the public modules offer."""

import re
from pathlib import Path

import sklstm

API = Path(__file__).parents[2] / "docs" / "api.md"


def test_every_public_name_is_on_the_api_page():
    public = set(sklstm.__all__) - {"__version__"}
    for module in sklstm._MODULES:
        public |= set(getattr(sklstm, module).__all__)
    assert set(re.findall(r"^   (\w+)$", API.read_text(encoding="utf-8"), re.M)) == public
