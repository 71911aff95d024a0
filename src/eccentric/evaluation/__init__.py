"""How good an encoding is, by what a simple classifier reads off it, and how good samples are (Tables 1, 3 to 5)."""
