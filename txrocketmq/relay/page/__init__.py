"""
The status page: one template, one style sheet, one script, and an icon.
"""
