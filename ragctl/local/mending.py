"""How the local stack changes moto: by putting something of its own in the place of a function or method there.

moto is neither forked nor vendored. `server.mend` applies every replacement, once per process; each says why it is
needed in its docstring.
"""


def replace(owner: object, name: str, replacement: object) -> None:
    """Have `owner.name`, of a module or class of moto's, be `replacement`."""
    setattr(owner, name, replacement)
