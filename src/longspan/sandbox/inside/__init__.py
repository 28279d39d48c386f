"""What runs in the locked process: these files import the standard library alone, and longspan imports none of them."""
