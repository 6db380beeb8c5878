"""The one package that speaks to Kubernetes.

A cluster is a kubeconfig. The official asyncio client reads it and holds the connections;
objects travel as plain dicts. Everything here runs on an event loop and knows no database.

    ClusterError
      Unreachable        no answer from the API server
      Refused            the API server said no (status, reason, message)
        NotFound
      ExecFailed         the command could not be started in the pod
      AgentError         the node agent could not do its work
        AgentEnded       it was killed while it did it: that says nothing
      NotReady           what was applied did not become ready in time
"""
