"""Where everything that a plan varies meets: one attention function over raw queries and keys."""
