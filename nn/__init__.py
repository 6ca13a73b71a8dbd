"""Networks and training, on top of autograd."""
