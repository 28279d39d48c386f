"""Facts measured once of a model and kept with it: which heads retrieve, which layers suffer from eviction."""

from longspan.credit import Credit

CREDITS = (
    Credit(kind="profile", name="dimension-groups", field=71),
    Credit(kind="profile", name="patterns", field=196),
    Credit(kind="profile", name="sensitivity", field=81),
)
