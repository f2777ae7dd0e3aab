"""`submit --serve`: the embedded server as a job.

It is for a cluster without internet, and for users without an account.

- place: the folder on shared storage that server, agents and people use
- host: the server's job: state on a local disk, copies of it in the folder, one server at a time
- relay: in each job of agents, an address that stays the same while the server moves from node to node
"""
