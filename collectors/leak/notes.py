"""Why a file could not be examined wholly, in both languages."""

from typing import NamedTuple


class Note(NamedTuple):
    ko: str
    en: str


LOCKED = Note("문서에 암호가 걸려 있어 내용을 읽지 못함", "the document is locked by a password")
NAMES_LOCKED = Note("압축 파일 안의 목록까지 암호가 걸려 있음", "the archive hides even its list by a password")
SEALED = Note(
    "열 수 없는 종류의 압축 파일(rar, alz, egg)", "an archive of a kind that cannot be opened (rar, alz, egg)"
)
LISTED_ONLY = Note(
    "7z 압축 파일은 목록의 크기와 검사값만 비교함", "of a 7z archive only the list of sizes and checksums was compared"
)
TAKEN_OFF = Note("확인하기 전에 저장장치가 분리됨", "the device was taken off before it could be examined")
MEMORY = Note("확인하는 데 허용된 것보다 많은 메모리가 필요함", "examining it took more memory than is allowed")
TIME = Note("확인하는 데 너무 오래 걸림", "examining it took too long")


def too_large(mebibytes: int) -> Note:
    return Note(f"{mebibytes:,} MiB보다 큰 파일", f"it is larger than {mebibytes} MiB")


def unpacks_to_much(mebibytes: int) -> Note:
    return Note(f"압축을 풀면 {mebibytes:,} MiB를 넘음", f"it unpacks to more than {mebibytes} MiB")


def many_members(count: int) -> Note:
    return Note(f"파일이 {count:,}개 넘게 들어 있음", f"it holds more than {count} files")


def too_deep(depth: int) -> Note:
    return Note(f"압축 속의 압축은 {depth}단계까지만 풀어 봄", f"archives in archives were opened {depth} deep only")


def long_text(what: str) -> Note:
    """`what` is an amount as both languages write it ("8 MiB")."""
    return Note(f"글의 앞부분 {what}만 비교함", f"only the first {what} of the text were compared")


def many_pages(count: int) -> Note:
    return Note(f"앞의 {count}쪽만 비교함", f"only the first {count} pages were compared")


def member_too_large(path: str, mebibytes: int) -> Note:
    return Note(
        f"{path}: {mebibytes} MiB보다 커서 전체만 비교함",
        f"{path}: larger than {mebibytes} MiB, only compared as a whole",
    )


def damaged(what: str, error: object) -> Note:
    """`what` = the path in an archive, "" for the file itself."""
    where = f"{what}: " if what else ""
    return Note(f"{where}손상되어 읽을 수 없음({error})", f"{where}it is damaged and cannot be read ({error})")


def refused(error: OSError) -> Note:
    why = error.strerror or str(error)
    return Note(f"파일을 읽을 수 없음({why})", f"it cannot be read ({why})")


def ended(words: str) -> Note:
    """The examining process died of it, or did not answer."""
    return Note("확인하는 도중에 검사 프로그램이 끝남", words)
