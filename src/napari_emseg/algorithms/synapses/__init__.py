"""Synapses: from maps of clefts and sides to numbered synapses, and from these to who synapses onto whom.

`masks` says what is synapse, `numbering` gives it ids block by block, `places` finds each of them, `surroundings` measures
the cells around one, `likelihood` weighs that, `partners` decides, and `sites` says where the two sides are.
"""
