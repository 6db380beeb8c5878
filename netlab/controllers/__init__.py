"""One for each kind that makes or tends others: each compares what is wanted with what is there."""
