"""Exercises that compute their own keys, the reading of answers, and predictions."""
