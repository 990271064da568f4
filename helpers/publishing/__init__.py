"""How the series is stored, shown and served: what no lesson is made of."""
