"""Model files that load without running code.

A model file is a zip archive without compression: a header (``sklstm.json``) with the format and
the versions that wrote it, the structure of the estimator (``structure.json``) and its arrays in
numpy's format. `load` checks all of that before it builds anything, and builds objects of trusted
types only: those of sklstm and scikit-learn, and numpy arrays. A pickle can run any code when it is
loaded; a model file cannot.
"""

from sklstm.persistence._model_files import load, save

__all__ = ["load", "save"]
