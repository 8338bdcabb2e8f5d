"""What dbt-duckdb does before it attaches the warehouse (named in dbt_project/profiles.yml)."""

import os

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from pipelines.warehouse import ALIAS, load_httpfs, sql_text

PATH_VARIABLE = "SEN_WAREHOUSE_PATH"
KEY_VARIABLE = "DBT_ENV_SECRET_WAREHOUSE_KEY"


class Plugin(BasePlugin):
    """Points the attachment at the warehouse, with its key where one is set.

    Here and not in the profile: a profile that changes with its environment has dbt parse the whole project again.
    Writing an encrypted file needs httpfs's OpenSSL.
    """

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Put path and key into the attachment before it is made; httpfs is from its package (nothing is fetched)."""
        path, key = os.environ.get(PATH_VARIABLE), os.environ.get(KEY_VARIABLE)
        if not path:
            return
        conn.execute(f"SET temp_directory = {sql_text(path + '.tmp')}")
        if key:
            load_httpfs(conn)
            conn.execute("SET temp_file_encryption = true")
        for attachment in self.creds.attach or []:
            if attachment.alias == ALIAS:
                attachment.path = path
                attachment.options = {**(attachment.options or {}), **({"encryption_key": key} if key else {})}
