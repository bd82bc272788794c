"""What training needs to know before it begins: images, losses, phases against the edited model, and how a run went."""
