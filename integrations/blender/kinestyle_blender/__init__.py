# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinestyle in Blender: the motion of an armature in another style, as a new action.

`poses` and `channels` convert numbers and know no Blender; `actions` and `armatures` read and write
its data; `restyling` is one restyling; `properties`, `operators` and `panel` are what a user sees.
"""


def register() -> None:
    import bpy

    from . import operators, panel, properties, styles

    styles.open_previews()
    properties.register()
    for one in (*operators.CLASSES, *panel.CLASSES):
        bpy.utils.register_class(one)


def unregister() -> None:
    import bpy

    from . import operators, panel, properties, styles

    for one in reversed((*operators.CLASSES, *panel.CLASSES)):
        bpy.utils.unregister_class(one)
    properties.unregister()
    styles.close_previews()
