"""How good an encoding is: what a simple classifier can read off it."""
