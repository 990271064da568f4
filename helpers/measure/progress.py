"""A bar that grows while something is measured."""

from tqdm.auto import tqdm

from helpers.measure import load


class Bar:
    """A progress bar: as `progress` of a measurement, in a ``with`` that ends it.

    There is none where nothing can be measured.

    Examples
    --------
    ``with Bar() as bar: found = bandwidths(progress=bar)``
    """

    def __init__(self, **options):
        form = "{desc} {percentage:3.0f} %|{bar}| {elapsed}"
        self.bar = None if load.hindrance() else tqdm(total=1.0, bar_format=form, **options)

    def __call__(self, share, words):
        """Show the share that is done, from 0 to 1, and what is being done."""
        if self.bar is None:
            return
        self.bar.set_description_str(words, refresh=False)
        self.bar.n = share
        self.bar.refresh()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.bar is not None:
            self.bar.close()
