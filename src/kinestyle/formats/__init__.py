"""Motion files and clips: a package for each format, and `table`, the table of all of them.

A reader believes what its file states and keeps what writing it back needs in `Clip.source`. A
writer takes that up, leaves what is `unchanged` as it was, and returns a sentence for each thing
that the format cannot express. `reading` is what a person says of a file, `animations` chooses one
of several. `limits` and `text_files` serve several readers, `euler_curves` and `placeholder`
several writers. Degrees and file units exist only here.
"""
