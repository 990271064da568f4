"""The exercises of each notebook, a module for each. Keys are functions of the model core."""
