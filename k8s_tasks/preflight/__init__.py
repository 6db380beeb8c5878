"""What a cluster can do, measured by doing it.

`measuring` runs the probes of `registry` side by side, each within a limit; a probe answers with
`findings`: present, absent, or - by failing itself - unknown. What they make lies in one namespace
(`scene`) that goes when they end, however they end. Only the Kubernetes API is used.
"""
