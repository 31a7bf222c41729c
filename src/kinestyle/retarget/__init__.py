"""Between a rig and the canonical skeleton.

The way of the data: `correspondence` finds how a rig relates to the canonical skeleton (`alignment`
solves for the joints' axes) and brings a clip onto it; `features` are what networks see of that
clip. `changes` carries what they change back onto the rig, and `foot_lock` keeps planted feet
(`contacts`, `legs`, `leg_ik`) in place. `transfer` puts the motion of one rig on another.
"""
