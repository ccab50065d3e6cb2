"""Look: one camera, one question, one Observation. Nothing here imports the rest of the product."""
