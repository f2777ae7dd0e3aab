"""`submit --serve`: the embedded server as a job, for a cluster without internet or account.

- place: the folder on shared storage that server, agents and people meet in
- host: the server's job: state on a local disk, copies of it in the folder, one holder at a time
- relay: in each job of agents, an address that stays while the server moves from node to node
"""
