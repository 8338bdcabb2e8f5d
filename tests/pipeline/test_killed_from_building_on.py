from tests.pipeline.killing import check_that_kills_leave_no_trace

# dbt in the midst of its models: its process lives on and holds the warehouse for a while
STAGES = [("dbt models", 7.0), ("snapshot", 0.1), ("answers to schools", 0.1)]


def test_a_run_killed_in_each_stage_from_dbt_on_ends_where_an_undisturbed_one_ends(tmp_path):
    check_that_kills_leave_no_trace(tmp_path, STAGES)
