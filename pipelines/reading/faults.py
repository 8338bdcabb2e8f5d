"""Why a whole file can't be read; the words are those of `ledger.files.fault`."""

EMPTY = "empty"
TRUNCATED = "truncated"
PASSWORD_PROTECTED = "password_protected"
TOO_LARGE = "too_large"
PDF = "pdf"
HTML = "html"
OLD_XLS = "old_xls"
OTHER_FORMAT = "other_format"
UNSAFE_PATH = "unsafe_path"
ZIP_IN_ZIP = "zip_in_zip"
ENCRYPTED_ENTRY = "encrypted_entry"
UTF16_WITHOUT_BOM = "utf16_without_bom"
NO_RETURN_TABLE = "no_return_table"


class Unreadable(Exception):
    """The file as a whole can't be read; `fault` says why, in one of the words above."""

    def __init__(self, fault: str):
        super().__init__(fault)
        self.fault = fault
