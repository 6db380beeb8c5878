"""What speaks as its original does: the programs of pods stand alone in their images; cert-manager, MetalLB's
controller and its speaker are parts of netlab's server."""
