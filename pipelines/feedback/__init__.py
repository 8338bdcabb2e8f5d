"""Feedback: what each school is told about its return, its profile, and reminders to those that sent none."""

from pipelines.feedback.answering import answer_schools
from pipelines.feedback.profiles import give_profiles, give_profiles_after_deadline, read_profiles
from pipelines.feedback.reminding import list_missing_schools, remind_schools

__all__ = [
    "answer_schools",
    "give_profiles",
    "give_profiles_after_deadline",
    "list_missing_schools",
    "read_profiles",
    "remind_schools",
]
