"""The commands of ``inception-rcnn``; `detector.commands.main` runs one by its name.

A command is a module with a docstring, which its ``--help`` shows, with ``build_parser`` and
with ``run``. Nothing heavy is imported before ``run``, so that help appears at once.
"""
