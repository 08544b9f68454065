"""How conscientiously age-restricted goods are sold: by register, shift and hour, never by person.

`archive` keeps what the agents said, `summary` adds it up, `plot` and `export` show it.
"""
