"""What scikit-learn itself checks, with nothing hidden from it."""

import os

import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from sklstm import LSTMClassifier, LSTMRegressor

EXPECTED_TO_FAIL = {
    "check_sample_weight_equivalence_on_dense_data": (
        "compares at 1e-7, which float32 training misses by rounding; "
        "test_sample_weights.py::test_weighted_is_repeated compares at 1e-4"
    )
}
NEEDS_DECISION_FUNCTION = "check_classifiers_multilabel_output_format_decision_function"
every_estimator = pytest.mark.parametrize(
    "estimator", [LSTMClassifier(), LSTMRegressor()], ids=lambda e: type(e).__name__
)


@pytest.mark.slow
@every_estimator
def test_check_estimator_with_default_parameters(estimator):
    assert os.environ["SCIPY_ARRAY_API"] == "1"
    results = check_estimator(estimator, expected_failed_checks=EXPECTED_TO_FAIL, on_skip=None)
    assert len(results) > 50
    not_passed = {r["check_name"]: r["status"] for r in results if r["status"] != "passed"}
    not_passed.pop(NEEDS_DECISION_FUNCTION, None)
    assert not_passed == dict.fromkeys(EXPECTED_TO_FAIL, "xfail")


@every_estimator
def test_tags_hide_nothing(estimator):
    tags = get_tags(estimator)
    assert not any([tags.no_validation, tags.non_deterministic, tags._skip_test])
    assert tags.requires_fit
    assert tags.target_tags.required
    assert tags.input_tags.two_d_array
    assert tags.input_tags.three_d_array
    assert not any([tags.input_tags.sparse, tags.input_tags.string, tags.input_tags.allow_nan])


def test_tags_of_the_classifier_are_true():
    tags = get_tags(LSTMClassifier())
    assert is_classifier(LSTMClassifier())
    assert not tags.classifier_tags.poor_score
    assert tags.classifier_tags.multi_class
    assert tags.classifier_tags.multi_label
    assert not tags.target_tags.multi_output  # several columns of several classes


def test_tags_of_the_regressor_are_true():
    tags = get_tags(LSTMRegressor())
    assert is_regressor(LSTMRegressor())
    assert not tags.regressor_tags.poor_score
    assert tags.target_tags.multi_output
