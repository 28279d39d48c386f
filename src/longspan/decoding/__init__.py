"""How tokens are proposed and verified."""

METHODS: tuple[str, ...] = ("draft-model", "self-speculation", "rsd")
