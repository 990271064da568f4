"""Helpers of the series *How Fast Can It Train?*: the tested models, the data, the pictures.

Import the module that you need, for example ``from helpers.roofline import attainable``.
"""
