"""Pictures for matplotlib, a module for each subject."""
