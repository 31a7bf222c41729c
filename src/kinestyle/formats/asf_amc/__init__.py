"""ASF/AMC files, Acclaim's and Vicon's pair of formats: `read_amc`, strict, and reading only.

The ASF file holds the skeleton of one performer, an AMC file one motion of it. A joint is named
after the bone that it rotates and lies where that bone starts; the children of a bone lie at its
end. Angles are about fixed axes, the first one first: "rx ry rz" is Rz Ry Rx.
"""

from kinestyle.formats.asf_amc.amc import find_asf, parse_amc, read_amc
from kinestyle.formats.asf_amc.asf import AsfRig, parse_asf

__all__ = ["AsfRig", "find_asf", "parse_amc", "parse_asf", "read_amc"]
