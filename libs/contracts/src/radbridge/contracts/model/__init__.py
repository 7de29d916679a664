"""The canonical vocabulary: patients, orders, exams, reports and studies as every service speaks of them.

Each published standard maps to these classes in its dialect pack. Values are frozen; times are timezone-aware and in
UTC, calendar dates stay dates. ``None`` means that the sender gave nothing.
"""
