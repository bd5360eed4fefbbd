"""The zip archive of a model file: uncompressed members, stored one after another.

As nothing is compressed, the members together are never larger than the file. Every byte of the
file belongs to exactly one member or to the list of members.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo
from zlib import crc32

HEADER, STRUCTURE = "sklstm.json", "structure.json"
MEMBER = re.compile(rf"{re.escape(HEADER)}|{re.escape(STRUCTURE)}|arrays/\d{{1,9}}\.npy")
LOCAL_HEADER = struct.Struct("<4s5H3L2H")  # of a member, before its name
END = struct.Struct("<4s4H2LH")  # of the archive, its last bytes
LARGE_END = struct.Struct("<4sQ2H2L4Q")  # if the archive has more than 4 GiB
LARGE_LOCATOR_SIZE = 20
LARGE = 0xFFFFFFFF
EXTRA_SIZES = (0, 20)  # 20 if a member has more than 2 GiB
MAX_DIRECTORY = 2**21  # bytes: the list of some 38,000 members
MAX_HEADER = 2**20  # bytes


def pack(members: Mapping[str, bytes]) -> bytes:
    """Write members into an archive, in their order."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(ZipInfo(name), content)
    return buffer.getvalue()


def begins_as_archive(beginning: bytes) -> bool:
    """Whether these are the first bytes of an archive whose first member is the header."""
    name = beginning[LOCAL_HEADER.size : LOCAL_HEADER.size + len(HEADER)]
    return beginning.startswith(b"PK\x03\x04") and name == HEADER.encode()


def read_header(file: BinaryIO) -> bytes:
    """Read only the first member, and ignore what follows it.

    Raises
    ------
    ValueError
        If it is compressed, too large, truncated or damaged.
    """
    file.seek(0)
    start = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    compression, checksum, packed, size, name_size, extra_size = *start[3:4], *start[6:]
    if compression != ZIP_STORED or packed != size or size > MAX_HEADER:
        raise ValueError(f"{HEADER} is compressed, or larger than {MAX_HEADER} bytes")
    file.seek(name_size + extra_size, io.SEEK_CUR)
    content = file.read(size)
    if len(content) != size or crc32(content) != checksum:
        raise ValueError(f"the checksum of {HEADER} is wrong")
    return content


class Archive:
    """The members of a model file, all of which are checked before any is read.

    Parameters
    ----------
    file : file object
        Open for reading bytes. Members are read from it when they are asked for.

    Raises
    ------
    ValueError
        If a member is compressed, occurs twice, has a false size, shares bytes with another one
        or has a wrong checksum; or if the file has bytes that belong to no member.
    BadZipFile
        If it is not an archive.
    """

    def __init__(self, file: BinaryIO) -> None:
        directory = _directory_start(file)
        self._archive = ZipFile(file)
        members = self._archive.infolist()
        _refuse_overlaps(file, members, directory)
        self.sizes = {member.filename: member.file_size for member in members}
        if len(self.sizes) < len(members):
            raise ValueError("it holds two members of one name")
        if STRUCTURE not in self.sizes:
            raise ValueError(f"it holds no {STRUCTURE}")
        if (bad := self._archive.testzip()) is not None:
            raise ValueError(f"the checksum of {bad} is wrong")

    @property
    def arrays(self) -> Iterator[str]:
        """Names of the members that are arrays."""
        return (name for name in self.sizes if name not in (HEADER, STRUCTURE))

    def read(self, name: str) -> bytes:
        return self._archive.read(name)


def _directory_start(file: BinaryIO) -> int:
    """Return the offset of the list of members; check its size.

    `zipfile` would read the whole list, whatever its length, so the length is checked first.
    """
    size = file.seek(0, io.SEEK_END)
    tail_size = min(size, LARGE_END.size + LARGE_LOCATOR_SIZE + END.size)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    if tail_size < END.size:
        raise ValueError("its end is missing")
    signature, *_, directory_size, offset, comment_size = END.unpack(tail[-END.size :])
    if signature != b"PK\x05\x06" or comment_size:
        raise ValueError("its end is missing")
    end = size - END.size
    if LARGE in (directory_size, offset) and tail_size > LARGE_END.size:
        directory_size = LARGE_END.unpack(tail[: LARGE_END.size])[-2]
        end = size - tail_size
    if directory_size > min(end, MAX_DIRECTORY):
        raise ValueError(f"its list of members has {directory_size} bytes")
    return end - directory_size


def _refuse_overlaps(file: BinaryIO, members: list[ZipInfo], directory: int) -> None:
    """Raise ValueError unless the members follow each other without gaps or overlaps."""
    place = 0
    for member in members:
        name = member.filename
        if not MEMBER.fullmatch(name):
            raise ValueError(f"it holds {name!a:.80}, which no model file holds")
        if member.compress_type != ZIP_STORED or member.compress_size != member.file_size:
            raise ValueError(f"{name} is compressed, which no member of a model file is")
        if member.flag_bits or member.header_offset != place:
            raise ValueError(f"{name} is not where it should be")
        file.seek(place)
        start = file.read(LOCAL_HEADER.size)
        extra_size = LOCAL_HEADER.unpack(start)[-1] if len(start) == LOCAL_HEADER.size else -1
        if extra_size not in EXTRA_SIZES:
            raise ValueError(f"{name} is not where it should be")
        place += LOCAL_HEADER.size + len(name) + extra_size + member.file_size
        if place > directory:
            raise ValueError(f"{name} is larger than the file")
    if place != directory:
        raise ValueError("it has bytes that belong to no member")
