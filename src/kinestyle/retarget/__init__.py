"""Between a rig and the canonical skeleton: correspondence, contacts, feet, features."""
