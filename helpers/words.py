"""Numbers and names as people read them, for prose and labels: never for computing."""

import math

SI_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def si(number, unit="", digits=3):
    """A number with an SI prefix, such as ``"15.7 Tflop/s"``: for reading, never for computing.

    Examples
    --------
    >>> si(15.7e12, "flop/s"), si(900e9, "B/s"), si(0.25, "flop/B"), si(2, "s")
    ('15.7 Tflop/s', '900 GB/s', '0.25 flop/B', '2 s')
    """
    for factor, prefix in SI_PREFIXES:
        # Rounding can carry into the next prefix: 999.96e9 reads as 1 T, not 1000 G.
        if factor * (1 - 0.5 * 10.0**-digits) <= abs(number) < math.inf:
            return f"{short(number / factor, digits)} {prefix}{unit}".rstrip()
    return f"{short(number, digits)} {unit}".rstrip()


def short(number, digits=3):
    """A pure number to read: `digits` significant digits, ordinary sizes written out.

    Examples
    --------
    >>> short(17.444), short(1000), short(1281167), short(0.25), short(0.00001)
    ('17.4', '1000', '1281167', '0.25', '1e-05')
    >>> short(999.9999), short(1e300)  # rounded up, the first has one digit more
    ('1000', '1e+300')
    """
    if 10.0**digits - 0.5 <= abs(number) < 1e15:
        return f"{number:.0f}"
    return f"{number:.{digits}g}"


def apart(*numbers, digits=3):
    """Numbers to read, with as many digits as it takes to tell those apart that differ.

    Examples
    --------
    >>> apart(0.9999, 0, 1), apart(0.3333, 0, 1), apart(2.004, 2.003)
    (('0.9999', '0', '1'), ('0.333', '0', '1'), ('2.004', '2.003'))
    >>> apart(0.1 + 0.2, 0.3)  # the same but for the computer's rounding
    ('0.3', '0.3')
    """
    known = []  # what differs by the computer's rounding only is one number
    for number in numbers:
        same = [other for other in known if math.isclose(number, other, rel_tol=1e-9)]
        known.append(same[0] if same else number)
    while len({short(number, digits) for number in known}) < len(set(known)):
        digits += 1
    return tuple(short(number, digits) for number in known)


def percent(share, digits=2):
    """A share to read, which says 0% and 100% only where it is nothing and all.

    Examples
    --------
    >>> percent(0.594), percent(0.005), percent(0.9996), percent(1)
    ('59%', '0.5%', '99.96%', '100%')
    """
    return f"{apart(100 * share, 0, 100, digits=digits)[0]}%"


def duration(seconds, digits=3):
    """A time to read, in the largest unit that keeps it above 1.

    Examples
    --------
    >>> duration(90), duration(84.5 * 3600), duration(14 * 86400), duration(0.5)
    ('1.5 min', '3.52 days', '14 days', '0.5 s')
    """
    for unit, size in (("years", 365 * 86400), ("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            number = short(seconds / size, digits)
            return f"{number} {unit.rstrip('s') if number == '1' else unit}"
    return f"{short(seconds, digits)} s"


def brief_time(seconds, digits=3):
    """A time to read, also below a second.

    Examples
    --------
    >>> brief_time(5.92e-6), brief_time(0.0127), brief_time(0.9999), brief_time(1.5)
    ('5.92 µs', '12.7 ms', '1000 ms', '1.5 s')
    """
    units = {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
    unit = next((unit for unit, size in units.items() if abs(seconds) >= size), "s")
    return f"{short(seconds / units[unit], digits)} {unit}"


def size_words(size, digits=3):
    """Bytes to read, in units of 1024.

    Examples
    --------
    >>> size_words(4096), size_words(2**26), size_words(5292072), size_words(12)
    ('4 KiB', '64 MiB', '5.05 MiB', '12 B')
    """
    units = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10}
    unit = next((unit for unit, least in units.items() if size >= least), "B")
    return f"{short(size / units.get(unit, 1), digits)} {unit}"


def joined(names, last="or", most=None):
    """Names for a sentence; the first few of them, if there are more than `most`.

    Examples
    --------
    >>> joined("ab"), joined("abc", "and"), joined("abcde", most=3)
    ('a or b', 'a, b and c', 'a, b or 3 others')
    """
    names = list(names)
    if most and len(names) > most:
        names[most - 1 :] = [f"{len(names) - most + 1} others"]
    *first, end = names
    return f"{', '.join(first)} {last} {end}" if first else end
