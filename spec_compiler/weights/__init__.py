"""Where the values of a result are, and what becomes of each: all of it without Keras."""
