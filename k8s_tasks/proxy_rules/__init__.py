"""kube-proxy's rules on one node, as the page draws them: doors, chains, endpoints of a session's Services.

    iptables, nftables   the text of one mode -> Rules
    flows                what conntrack remembers, as counts for a mode whose rules carry none
    drawing              Rules -> what is drawn, Service by Service
    reading              asks the node for all of it

What belongs to other people's Services is left out by whoever reads the text, before anything is drawn.
"""
