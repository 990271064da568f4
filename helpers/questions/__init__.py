"""The exercises of each notebook, a module for each. Keys are computed by the models."""
