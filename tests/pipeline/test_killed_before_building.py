from tests.pipeline.killing import check_that_kills_leave_no_trace

STAGES = [
    ("reference data", 0.0),
    ("received returns", 0.2),
    ("unplaced file issues", 0.0),
    ("reminders", 0.0),
    ("typed rows", 0.1),
    ("issues", 3.0),
    ("pupil keys", 0.0),
]


def test_a_run_killed_in_each_stage_up_to_the_pupil_keys_ends_where_an_undisturbed_one_ends(tmp_path):
    check_that_kills_leave_no_trace(tmp_path, STAGES)
