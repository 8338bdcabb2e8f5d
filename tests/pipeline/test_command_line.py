"""The commands that the README names, and what they say where something is not as it should be."""

import json
import re

import pytest
import typer
from typer.testing import CliRunner

from pipelines import cli
from pipelines.settings import PROJECT_DIR, Settings, get_settings

README = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(cli.app).commands


def sen(*arguments: str):
    return CliRunner().invoke(cli.app, arguments)


def test_every_command_and_option_of_the_readme_is_there():
    named = re.findall(r"`(?:\.venv/bin/|\.venv\\Scripts\\)?sen ([a-z]+)([^`]*)`", README)
    assert {command for command, _ in named} == COMMANDS.keys()
    for command, rest in named:
        options = {
            option for parameter in COMMANDS[command].params for option in [*parameter.opts, *parameter.secondary_opts]
        }
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, command


def test_every_setting_target_and_file_of_the_readme_is_there():
    assert set(re.findall(r"SEN_[A-Z_]+", README)) <= {f"SEN_{name.upper()}" for name in Settings.model_fields}
    targets = re.findall(r"^(\w+):", (PROJECT_DIR / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"\bmake (demo|test|setup|bench|\w+)[` ]", README)) - {"are", "it"} <= set(targets)
    for path in re.findall(r"`((?:pipelines|expectations|dbt_project|dashboards|tests)/[\w./]*)`", README):
        assert (PROJECT_DIR / path).exists(), path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_takes_a_data_folder(command):
    said = sen(command, "--help")
    assert said.exit_code == 0
    assert "--data-dir" in {option for parameter in COMMANDS[command].params for option in parameter.opts}


def test_a_setting_that_is_not_right_is_named_and_its_value_is_not_repeated(settings, monkeypatch):
    monkeypatch.setenv("SEN_WAREHOUSE_KEY", "tooshort")
    said = sen("status")
    assert said.exit_code == 1
    assert "SEN_WAREHOUSE_KEY" in said.output
    assert "tooshort" not in said.output


def test_a_setting_left_blank_is_not_set(monkeypatch):
    for name in ("LANDING_URL", "OUTBOX_URL", "SMTP_URL", "PSEUDONYM_KEY", "WAREHOUSE_KEY"):
        monkeypatch.setenv(f"SEN_{name}", "")
    blank = Settings(_env_file=None)
    assert (blank.landing_url, blank.outbox_url, blank.smtp_url) == (None, None, None)
    assert (blank.pseudonym_key, blank.warehouse_key) == (None, None)


@pytest.mark.parametrize("command", ["run", "status", "dagster"])
def test_a_calendar_of_the_las_own_that_cannot_be_read_is_said_in_a_sentence(settings, command):
    settings.reference_dir.mkdir(parents=True)
    (settings.reference_dir / "calendar.csv").write_text("term,starts_on\n2025-26-autumn,2025-09-01\n")
    said = sen(command)
    assert said.exit_code == 2
    assert "calendar.csv, line 2: there is no column 'closed_days'" in said.output
    assert isinstance(said.exception, SystemExit)


def test_a_run_without_a_school_says_once_and_in_words_what_to_put_where(settings):
    said = sen("run")
    assert said.exit_code == 1
    assert said.output.count("No school is known yet.") == 1
    assert "NoEstablishments" not in said.output


def test_a_term_that_the_calendar_does_not_have_is_refused(settings):
    said = sen("run", "--term", "2011-12-autumn")
    assert said.exit_code == 2
    assert "There is no term 2011-12-autumn" in said.output
    assert not settings.warehouse_path.exists()


def test_the_dashboards_are_refused_on_an_address_that_others_reach(settings):
    said = sen("dashboard", "--address", "0.0.0.0", "--no-browser")
    assert said.exit_code == 2
    assert "no sign-in yet" in said.output


def test_before_the_first_run_the_status_says_what_to_do(settings):
    assert "sen run" in sen("status").output
    found = json.loads(sen("status", "--json", "--on", "2026-07-13").output)
    assert found["snapshot"] is None
    assert found["window_open"] == "2025-26-summer"


def test_a_file_that_is_not_held_cannot_be_released(settings):
    said = sen("release", "8012001_2025-26_autumn_01.xlsx")
    assert said.exit_code == 1
    assert "8012001_2025-26_autumn_01.xlsx" in said.output


def test_a_demo_is_never_mixed_with_an_las_own_data(settings):
    (settings.data_dir / "landing").mkdir(parents=True)
    said = sen("demo", "--schools", "6", "--terms", "1", "--no-serve")
    assert said.exit_code == 2
    assert "an LA's own data" in said.output
    assert [path.name for path in settings.data_dir.iterdir()] == ["landing"]


def test_a_demo_keeps_away_from_the_las_landing_zone_outbox_and_mail_server(settings, monkeypatch):
    for name, url in (("LANDING", "s3://returns"), ("OUTBOX", "s3://outbox"), ("SMTP", "smtp://mail.example")):
        monkeypatch.setenv(f"SEN_{name}_URL", url)
    used = []
    monkeypatch.setattr(cli, "_make_demo", lambda **_: used.append(get_settings()))
    monkeypatch.setattr(cli, "_run", lambda **_: used.append(get_settings()))
    assert sen("demo", "--no-serve").exit_code == 0
    assert len(used) == 2
    for found in used:
        assert (found.landing, found.outbox) == (settings.landing, settings.outbox)
        assert found.smtp_url is None
