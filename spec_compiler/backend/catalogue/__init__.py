"""What the catalogue in `schemas/` is made from: Keras's own signatures and figures."""
