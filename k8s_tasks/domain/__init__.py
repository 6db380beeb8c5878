"""Acts on sessions, runs and clusters. Every change of state goes through one gate per kind."""
