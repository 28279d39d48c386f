"""How tokens are proposed and verified. No method is in this room yet."""

METHODS: tuple[str, ...] = ()
