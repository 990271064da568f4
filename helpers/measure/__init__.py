"""Measurements on the machine that runs them, a module for each kind.

Each states its method, counts its bytes and flops, and says what it could not measure and why.
"""
