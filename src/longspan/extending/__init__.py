"""The search for rescale factors that let a model read texts longer than its window."""

from longspan.credit import Credit

CREDITS = (
    Credit(kind="recipe", name="longrope", field=185),
    Credit(kind="recipe", name="longrope2", field=184),
)
