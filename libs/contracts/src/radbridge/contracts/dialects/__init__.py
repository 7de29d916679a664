"""Published hospital standards as packs of data: field tables, dictionaries, one codec, one signature rule each.

``field_table`` and ``dictionaries`` read a pack's CSV files, ``validate`` checks a record against them and returns all
faults at once, ``codec`` translates to and from the canonical model, ``pack`` bundles it. A new standard is a new
folder.
"""
