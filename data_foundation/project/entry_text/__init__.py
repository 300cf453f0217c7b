"""What the text of an entry's module shows before it is imported.

Whether the entry is several dlt resources instead of rows (`several_resources`), whether its code keeps a state for all
resources of its source (`source_state`), and which packages it needs that are not installed (`missing_packages`). No
code of a source runs here. Hints of decorators are read in `project.hints_in_text`, on which entries themselves depend.
"""
