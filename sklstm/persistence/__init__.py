"""Model files that load without running code.

A model file is a zip archive that holds no compressed member: a header (``sklstm.json``) that says
which format and which versions wrote it, the structure of the estimator (``structure.json``) and
its arrays, in numpy's format. `load` checks all of that before it builds anything, and builds
objects of trusted types only: those of sklstm and of scikit-learn, and numpy's arrays. A pickle can
run any code when it is loaded; such a file cannot.
"""

from sklstm.persistence._model_files import load, save

__all__ = ["load", "save"]
