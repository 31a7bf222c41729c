"""Between a rig and the canonical skeleton.

Data flow: `correspondence` finds how a rig relates to the canonical skeleton (`alignment` solves
for the joints' axes, `tilted_floor` for a floor that leans) and brings a clip onto it; `features`
are what networks see of that clip.
`changes` carries what they change back onto the rig, and `foot_lock` keeps planted feet in place
(`contacts`, `footsteps`, `legs`, `limb_ik`). A `survey` holds what only the whole motion shows, for
clips that are worked through in windows. `transfer` puts the motion of one rig on another;
`body_bones` is a rig's body to draw.
"""
