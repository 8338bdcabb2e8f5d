"""One typed settings object, from the environment and, for a person's habits, an `.env` file."""

import secrets
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_DIR = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = PROJECT_DIR / "dbt_project"
SEEDS_DIR = DBT_PROJECT_DIR / "seeds"
EXPECTATIONS_DIR = PROJECT_DIR / "expectations"


class Settings(BaseSettings):
    """Every setting of SEN Oversight; each is the environment variable `SEN_` and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="SEN_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path = Field(Path("data"), description="The data folder")
    landing_url: str | None = Field(None, description="Where returns arrive, any fsspec URL; default DATA_DIR/landing")
    outbox_url: str | None = Field(None, description="Where feedback goes, any fsspec URL; default DATA_DIR/outbox")
    la_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")] = Field(
        "801", description="The LA's three digits"
    )
    la_name: str = Field("Your local authority", description="The LA's name, as letters and pages say it")
    la_email: str = Field("sen-returns@la.example", description="Who letters come from and where schools reply")
    smtp_url: SecretStr | None = Field(
        None, description="smtp://user:password@host:port, smtps://...; default: .eml files"
    )
    notify_api_key: SecretStr | None = Field(
        None, description="Letters go by GOV.UK Notify, in place of a mail server: a key of the LA's service there"
    )
    notify_template_id: str | None = Field(
        None, description="The e-mail template there, with ((subject)) as its subject and ((body)) as its message"
    )
    notify_reply_to_id: str | None = Field(None, description="The reply-to address there; default: the service's own")
    notify_url: str = Field("https://api.notifications.service.gov.uk", description="Where GOV.UK Notify is")
    pseudonym_key: SecretStr | None = Field(
        None, description="Key of the pupils' pseudonyms; made once where none is set"
    )
    warehouse_key: SecretStr | None = Field(
        None, description="Encrypts warehouse, snapshots and archive at rest; 32 characters or more"
    )
    settling_seconds: float = Field(
        2.0, ge=0, description="A file that changed less than this ago is still being written"
    )
    max_file_megabytes: int = Field(150, gt=0, description="A return larger than this once inflated is refused")
    minimum_units: int = Field(5, ge=1, description="RAG is grey below this many units")
    suppression_threshold: int = Field(
        5, ge=2, description="Counts of pupils from 1 to below this are hidden in what leaves the analysts' own view"
    )
    # Six: the current year and six more, as most of a school's records are kept, and as long as a claim may be brought
    # (Limitation Act 1980, s. 5). These are the LA's copies: the pupil's own file, which is kept for decades, is the
    # school's. Two at least: the oldest year kept is what the figures of the next one look back on (see pipelines/retention).
    retention_years: int = Field(
        6, ge=2, description="Academic years that returns, letters and the LA's own files are kept after their own"
    )

    @field_validator(
        "landing_url", "outbox_url", "smtp_url", "notify_api_key", "notify_template_id", "notify_reply_to_id",
        "pseudonym_key", "warehouse_key", mode="before",
    )  # fmt: skip
    @classmethod
    def _blank_is_not_set(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("warehouse_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        # DuckDB takes a key of any length
        if key and len(key.get_secret_value()) < 32:
            raise ValueError("a warehouse key has 32 characters or more")
        return key

    @property
    def landing(self) -> str:
        """URL of the landing zone."""
        return self.landing_url or str(self.data_dir.resolve() / "landing")

    @property
    def outbox(self) -> str:
        """URL of the outbox."""
        return self.outbox_url or str(self.data_dir.resolve() / "outbox")

    @property
    def reference_dir(self) -> Path:
        """Folder of the LA's own files."""
        return self.data_dir / "reference"

    @property
    def archive_dir(self) -> Path:
        """Folder of every byte ever received, by SHA-256."""
        return self.data_dir / "archive"

    @property
    def warehouse_path(self) -> Path:
        """The database that the pipeline alone writes."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def published_dir(self) -> Path:
        """Folder of the analysts' snapshots; the restricted ones are in `restricted/` below it."""
        return self.data_dir / "published"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME."""
        return self.data_dir / "dagster"

    @property
    def pseudonym_key_path(self) -> Path:
        """Where the key of the pseudonyms is that no setting says."""
        return self.data_dir / "pseudonym.key"

    @property
    def pseudonym_secret(self) -> bytes:
        """The HMAC key of the pseudonyms; where none is set, one is made once into the data folder, with a warning."""
        if self.pseudonym_key:
            return self.pseudonym_key.get_secret_value().encode()
        path = self.pseudonym_key_path
        if not path.exists():
            warnings.warn(f"SEN_PSEUDONYM_KEY is not set: a key was made into {path}. Keep it safe.", stacklevel=2)
            make_key(path)
        return path.read_text().strip().encode()


def make_key(path: Path) -> None:
    """Make a random key into a file that its owner alone reads; a killed run leaves a whole key or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_hex(32))
    fresh.replace(path)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process; `get_settings.cache_clear()` reads the environment again."""
    return Settings()
