"""mygrad: NumPy arrays with gradients, here of no dimension."""

from engines.interface import Engine


class Mygrad(Engine):
    """Tensors that hold one number each."""

    modules = ("mygrad",)

    def start(self):
        """The functions, by the names that operations have here."""
        super().start()
        import mygrad

        self.Value = lambda x: mygrad.tensor(float(x))
        self.functions = {"sin": mygrad.sin, "maximum": mygrad.maximum}


ENGINES = {"mygrad": Mygrad}
