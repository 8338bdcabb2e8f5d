"""Feedback: what each school is told about its return, and reminders to those that sent none."""

from pipelines.feedback.answering import answer_schools
from pipelines.feedback.reminding import remind_schools

__all__ = ["answer_schools", "remind_schools"]
