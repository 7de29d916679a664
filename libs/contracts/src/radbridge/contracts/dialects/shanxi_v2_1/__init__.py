"""Shanxi: front-end interface specification V2.1 of the provincial digital medical imaging cloud (2025-12, annex 1 of
晋卫规划发〔2025〕3号). ``pack.load_pack`` gives the pack, ``envelope`` and ``answers`` what goes around the records."""
