"""``radbridge demo``: one exam's whole journey, played by three parties."""
