"""What Keras is, without Keras: its classes with their arguments, its applications, settings and side effects."""
