"""Several processes that train together: real MPI processes, started and stopped from a notebook.

`cluster` starts and stops them, `guard` sees that none outlives the kernel, `training` is the step
that they take, `together` what they measure, `record` what was measured.
"""
