"""The commands of `foundation`: one module for each group, with a function for each command.

A module has a typer application `app`, which `main` puts together; a group without a name has commands of the first
level. A command reads its arguments, calls the room that does the work, and has a module of `cli` print the result.
Nothing is computed here. Begin with `sources`.
"""
