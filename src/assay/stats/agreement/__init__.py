"""Agreement between raters beyond chance, and the consensus their labels support: one module a method."""
