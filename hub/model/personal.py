"""What a field of a record may say of a person. Each text of each record is marked with it, where the field is declared."""

from __future__ import annotations

from enum import StrEnum


class Personal(StrEnum):
    """The kinds of what may be personal; a mark of a field's type, `Annotated[Line, Personal.WORDS]`.

    What a source knows of who reported (name, telephone number, identity card) is none of these: it has no field. It stays at the
    source, which finds it by the reference.
    """

    NONE = "none"
    """A name, code or sentence of the hub's, of the city's rules or of a closed list."""
    REFERENCE = "reference"
    """What a source or department calls something of its own: leads to a person there, and nowhere else."""
    WORDS = "words"
    """What somebody wrote."""
    PLACE = "place"
    """Where it is, to the house."""
    FILES = "files"
    """Where a photograph or a document lies."""
    ATTRIBUTES = "attributes"
    """Whatever else a mapping takes from a row."""
    RECORD = "record"
    """A whole record of somebody's, as it came."""
