r"""A web service that classifies sequences with a model file. It needs no TensorFlow.

The environment variable MODEL names a file that `sklstm.persistence.save` wrote, of a
classifier of sequences of numbers. docs/how_to/serving.md tells how to build an image.

    MODEL=model.sklstm uvicorn app:app

    curl localhost:8000/predict -H "Content-Type: application/json" \
        -d '{"sequences": [[[0.1, 2.0], [0.3, 1.5]], [[0.4, 1.0]]]}'
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from sklstm import persistence

# Of one request: larger data are for a batch job.
MAX_SEQUENCES, MAX_STEPS = 1000, 10_000

Step = Annotated[list[float], Field(fail_fast=True)]  # the first error is enough
Sequence = Annotated[list[Step], Field(fail_fast=True, max_length=MAX_STEPS)]


class Samples(BaseModel):
    """Sequences of time steps of features."""

    model_config = ConfigDict(strict=True, extra="forbid")
    sequences: Annotated[
        list[Sequence], Field(fail_fast=True, max_length=MAX_SEQUENCES)
    ]


class Predictions(BaseModel):
    """Labels, and probabilities of shape (n, n_classes), in the order of `classes`."""

    classes: list
    labels: list
    probabilities: list[list[float]]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model before the first request, or do not start."""
    app.state.model = persistence.load(os.environ["MODEL"])
    yield


app = FastAPI(title="sklstm", lifespan=lifespan)


@app.get("/health")
def health() -> dict[str, str]:
    """Answer, which means that the model is loaded."""
    return {"status": "ok"}


@app.post("/predict")
def predict(samples: Samples, request: Request) -> Predictions:
    """Classify sequences. FastAPI calls this function in a thread of its own."""
    model = request.app.state.model
    try:
        probabilities = model.predict_proba(samples.sequences)
    except ValueError as error:  # says what is wrong with which sequence
        raise HTTPException(422, str(error)) from error
    classes = model.classes_
    return Predictions(
        classes=classes.tolist(),
        labels=classes[probabilities.argmax(axis=1)].tolist(),
        probabilities=probabilities.tolist(),
    )


@app.exception_handler(RequestValidationError)
def explain(request: Request, error: RequestValidationError) -> JSONResponse:
    """Say where a request has the wrong form, without its values, which may be NaN."""
    details = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return JSONResponse({"detail": "; ".join(details)}, 422)
