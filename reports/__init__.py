"""Tell: close a recorded month, freeze it, and compose ranking, circular and notices from its snapshot alone."""
