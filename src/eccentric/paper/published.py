"""The numbers of Li & Blair (2021) by their place in the paper. Plain data without computations.

A pair is (value, number after "±"), as printed. Distances and eigenvalues are in the units of the latents, error rates
and accuracies in percent, angles in degrees.
"""

from __future__ import annotations

WEIGHTS = (0.0001, 0.001)
"""Lambda of the CelebA runs (section 4)."""
MUS = (1.0, 1.5, 4.5, 16.5, 64.5)
"""mu of the CelebA runs (section 4)."""
RUNS = {1.0: 4, 1.5: 2, 4.5: 2, 16.5: 2, 64.5: 4}
"""Independent CelebA runs for each mu (Table 1); those with four are the ones of Figure 5 and Tables 2 and 4."""
FACE_DIM = 64
DIGIT_DIMS = (6, 4, 8, 2)
"""In the order of Figure 7's panels."""
DIGIT_WEIGHT, DIGIT_MU = 0.001, 1.0
EPOCHS = {"mnist": 1000, "celeba": 100}
"""Section 4."""

# Section 2 and Figure 1: from which d on the radius is within so many percent of sqrt(d), for all mu from 1 to 2d + 1.
FIGURE_1 = {12: 0.1, 38: 0.01, 117: 0.001}

FIGURE_3_WEIGHTS, FIGURE_3_MUS = (0.1, 0.01, 0.001), (1.0, 2.5)

# Section 4.2: the range of the eigenvalues in Figure 5, over all of its combinations.
FIGURE_5_LARGEST, FIGURE_5_SMALLEST = 3.24, 0.47

# The eigenvalues under the eigen-digits, by latent dimension.
FIGURE_7 = {
    6: (1.21, 1.09, 1.02, 0.99, 0.90, 0.52),
    4: (1.18, 1.04, 0.96, 0.81),
    8: (1.24, 1.19, 1.12, 0.98, 0.95, 0.92, 0.79, 0.65),
    2: (1.11, 0.90),
}

FIGURE_8_COMPONENTS, FIGURE_8_RUNS = 10, 3
# Numbered from 1, as printed.
FIGURE_9_ACROSS, FIGURE_9_DOWN = (6, 11, 3), (2, 10, 9)

# Fréchet Inception Score for CelebA, by (lambda, mu): N, standard and matched sampling.
TABLE_1_N = {1.0: 129.02, 1.5: 64.34, 4.5: 16.03, 16.5: 4.00, 64.5: 1.00}
TABLE_1 = {
    (0.0001, 1.0): {"standard": (55.5, 1.0), "matched": (49.3, 0.8)},
    (0.0001, 1.5): {"standard": (54.0, 0.1), "matched": (48.7, 0.1)},
    (0.0001, 4.5): {"standard": (54.3, 0.6), "matched": (49.4, 0.6)},
    (0.0001, 16.5): {"standard": (53.8, 0.1), "matched": (49.4, 0.2)},
    (0.0001, 64.5): {"standard": (54.5, 0.6), "matched": (49.8, 0.4)},
    (0.001, 1.0): {"standard": (53.7, 0.3), "matched": (50.2, 0.5)},
    (0.001, 1.5): {"standard": (52.8, 0.3), "matched": (50.2, 0.5)},
    (0.001, 4.5): {"standard": (52.8, 0.6), "matched": (51.0, 0.5)},
    (0.001, 16.5): {"standard": (51.5, 0.4), "matched": (50.2, 0.1)},
    (0.001, 64.5): {"standard": (51.8, 0.4), "matched": (50.3, 0.5)},
}
TABLE_1_AGGREGATE = {
    0.0001: {"standard": (54.6, 0.9), "matched": (49.4, 0.6)},
    0.001: {"standard": (52.6, 0.9), "matched": (50.3, 0.5)},
}

# Root mean squared distance, mean cosine and mean angle between encodings of two runs, by (lambda, mu).
TABLE_2 = {
    (0.0001, 1.0): {"distance": (5.9, 0.2), "cosine": (0.73, 0.02), "angle": (43.0, 1.0)},
    (0.0001, 64.5): {"distance": (5.9, 0.1), "cosine": (0.73, 0.01), "angle": (43.0, 1.0)},
    (0.001, 1.0): {"distance": (7.4, 0.1), "cosine": (0.57, 0.01), "angle": (55.0, 1.0)},
    (0.001, 64.5): {"distance": (8.2, 0.1), "cosine": (0.47, 0.01), "angle": (62.0, 1.0)},
}

# Error rate of nearest neighbours on MNIST, by latent dimension and number of labelled items. How many neighbours vote
# stands in evaluation.probes.TABLE_3, as other measurements go by it.
TABLE_3_RUNS, TABLE_3_SUBSETS = 3, 20
TABLE_3 = {
    2: {10: (39.0, 7.2), 100: (19.1, 2.6), 1000: (12.4, 1.3), 10_000: (10.9, 0.9), 60_000: (10.6, 0.8)},
    4: {10: (36.0, 6.6), 100: (12.1, 1.9), 1000: (5.4, 0.6), 10_000: (4.0, 0.3), 60_000: (3.7, 0.3)},
    6: {10: (33.7, 7.3), 100: (10.0, 1.3), 1000: (4.1, 0.3), 10_000: (3.0, 0.1), 60_000: (2.6, 0.1)},
    8: {10: (34.0, 5.1), 100: (9.5, 1.1), 1000: (3.7, 0.2), 10_000: (2.4, 0.1), 60_000: (2.0, 0.1)},
}

# Error rate over the 40 attributes of CelebA, by (lambda, mu): decision trees of depth 1 and 8, 20 nearest neighbours.
TABLE_4_MAJORITY = 20.0
TABLE_4_DEPTHS, TABLE_4_NEIGHBOURS = (1, 8), 20
TABLE_4 = {
    (0.0001, 1.0): {"DT(1)": (16.68, 0.12), "DT(8)": (14.42, 0.11), "KNN(20)": (13.15, 0.03)},
    (0.0001, 64.5): {"DT(1)": (17.65, 0.33), "DT(8)": (14.56, 0.16), "KNN(20)": (13.14, 0.04)},
    (0.001, 1.0): {"DT(1)": (17.61, 0.37), "DT(8)": (15.20, 0.19), "KNN(20)": (13.30, 0.01)},
    (0.001, 64.5): {"DT(1)": (17.90, 0.32), "DT(8)": (15.52, 0.17), "KNN(20)": (13.43, 0.02)},
}

# Attribute (CelebA's column and its number from 1): component, accuracy without it and with it, in percent.
TABLE_5 = {
    "Attractive": (3, 2, 50, 65),
    "Heavy_Makeup": (19, 2, 60, 76),
    "High_Cheekbones": (20, 2, 52, 68),
    "Male": (21, 2, 61, 80),
    "Mouth_Slightly_Open": (22, 6, 50, 66),
    "Smiling": (32, 6, 50, 67),
    "Wearing_Lipstick": (37, 2, 52, 79),
}
