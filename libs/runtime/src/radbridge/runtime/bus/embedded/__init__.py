"""The embedded event log: topics, partitions and consumer groups in one SQLite file, for several processes at once.

``log`` is the door (``EmbeddedLog``); ``storage`` owns the connections and the one writer thread, ``records`` and
``topics`` what is stored, ``groups`` and ``balance`` who reads which partition, ``liveness`` who is alive,
``subscription`` and ``following`` the two ways of reading, ``bells`` what wakes readers, ``cleaner`` what retention
removes.
"""
