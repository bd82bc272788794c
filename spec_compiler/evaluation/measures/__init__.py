"""What is counted of one output: a module for each kind that an output can be, each a value made of batches."""
