"""What the process is told from outside, and how its servers are started; imports nothing of ours (环境).

settings and database for every process; law as dated data; postgres, house and serve for `make run`.
"""
