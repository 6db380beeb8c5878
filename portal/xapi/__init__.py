"""What students do, told to a Learning Record Store as xAPI statements.

statements   from a row of somebody's work to a statement     outbox   kept in rows until the store has it
"""
