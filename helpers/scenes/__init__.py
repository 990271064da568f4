"""Scenes: what each picture says, as marks made of numbers."""
