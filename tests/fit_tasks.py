"""Callbacks of scikit-learn's for tests."""


class Recorder:
    """Keeps what it hears, and what it gets at the end of each task."""

    def __init__(self):
        self.heard, self.got = [], []

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.heard.append(("begin", *place(context)))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.heard.append(("end", *place(context)))
        self.got.append((X, y, metadata, fitted_estimator))


class Stop(Recorder):
    """Ends a training after some epochs."""

    def __init__(self, n_epochs):
        super().__init__()
        self.n_epochs = n_epochs

    def on_fit_task_end(self, estimator, context):
        return context.task_name == "epoch" and context.task_id + 1 == self.n_epochs


class Fail(Recorder):
    """Raises an error at one event."""

    def __init__(self, event):
        super().__init__()
        self.event = event

    def setup(self, estimator, context):
        super().setup(estimator, context)
        self.fail_at("setup")

    def on_fit_task_begin(self, estimator, context):
        self.fail_at(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        self.fail_at(f"end {context.task_name}")

    def fail_at(self, event):
        if event == self.event:
            raise RuntimeError(f"failed at {event}")


def place(context):
    """Names and numbers of a task and those around it, the fit itself left out."""
    names = []
    while context.parent is not None:
        names.insert(0, f"{context.task_name} {context.task_id}")
        context = context.parent
    return names
