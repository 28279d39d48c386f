"""How tokens are proposed and verified."""

METHODS: tuple[str, ...] = ("prompt-lookup", "draft-model", "self-speculation", "rsd", "triforce")
