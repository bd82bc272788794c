"""What LoRA has learned, apart from the model that learned it: the public functions for files of adapters."""
