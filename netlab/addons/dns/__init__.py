"""netlab's cluster DNS: a small server that speaks CoreDNS' configuration.

CoreDNS itself is in no package of the distributions netlab builds its images from. This server reads the
same Corefile, learns Services, EndpointSlices, Namespaces and Pods from the Kubernetes API by the token of
its pod, and answers as CoreDNS would. It runs in the image redes.local/coredns and imports nothing of netlab.

    corefile    the text -> server blocks with directives
    cluster     a mirror of the objects, kept by list and watch
    names       a question about a cluster name -> records (pure)
    plugins     what a directive does with a question; each hands on to the next
    builder     directives -> chains of plugins
    server      sockets, health, metrics, reloading
"""
