"""Other people's tools, each behind one of our seams; imported where they are asked for."""
