"""What dbt-duckdb does before it attaches the warehouse (named in dbt_project/profiles.yml)."""

import os

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from pipelines.warehouse import ALIAS, load_httpfs

KEY_VARIABLE = "DBT_ENV_SECRET_WAREHOUSE_KEY"


class Plugin(BasePlugin):
    """Gives the attachment its key where one is set; writing an encrypted file needs httpfs's OpenSSL."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Load httpfs from its package (nothing is fetched) and put the key beside the warehouse's path."""
        key = os.environ.get(KEY_VARIABLE)
        if not key:
            return
        load_httpfs(conn)
        conn.execute("SET temp_file_encryption = true")
        for attachment in self.creds.attach or []:
            if attachment.alias == ALIAS:
                attachment.options = {**(attachment.options or {}), "encryption_key": key}
