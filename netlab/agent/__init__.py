"""The node agent's program: what the platform changes on the network of one pod, at the node's end of its
link.

It is copied into the toolbox image and runs there (`redes-agent impair | mtu | route | mechanisms |
serve`), in a pod with hostNetwork, NET_ADMIN and NET_RAW, the same on netlab and on any other cluster. It
imports nothing but Python's own library.

The kernel holds all state - comments on rules, metrics of routes, routing rules - so what is listed is what
is there, also after the agent's pod has been replaced.
"""
