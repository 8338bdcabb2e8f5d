"""What a data folder no longer holds: what is past its retention (`sen purge`), and earlier pseudonyms (`sen rekey`).

DuckDB neither returns nor overwrites the blocks of what is deleted: both write a new warehouse, of what is to stay, and
put it in the place of the one in force (rewriting.py). Until then nothing has changed; what remains to be done after it
is done again by whoever comes next, for the new warehouse says that it is not finished (ledger.rewrites).
"""
