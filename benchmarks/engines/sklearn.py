"""scikit-learn: MLPClassifier's own step, with the logistic loss for the hinge."""

import warnings

from engines.interface import Engine
from workloads.programs import BATCH, DECAY, EPOCHS, RATE

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


class ScikitLearn(Engine):
    """It has its own loss, first weights and order of rows: timed, not compared."""

    modules = ("sklearn.neural_network",)
    comparable = False

    def network(self, workload):
        """Plain descent on the whole table."""
        rows = max(workload.n, 1)
        descent = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": RATE}
        return self._steps(workload, 1, alpha=DECAY, batch_size=rows, **descent)

    def training(self, workload):
        """Its own Adam on batches."""
        return self._steps(workload, EPOCHS, alpha=0.0, batch_size=BATCH)

    def _steps(self, workload, epochs, **settings):
        import numpy as np
        from sklearn.neural_network import MLPClassifier

        warnings.simplefilter("ignore")
        X, y = workload.data()
        model = MLPClassifier(
            workload.sizes[1:-1],
            activation=ACTIVATIONS[workload.activation],
            **settings,
        )
        classes = np.unique(y) if workload.n > 1 else np.array([-1.0, 1.0])
        model.partial_fit(X, y, classes=classes)

        def step():
            for _ in range(epochs):
                model.partial_fit(X, y)
            return model.loss_

        return step


ENGINES = {"scikit-learn": ScikitLearn}
