"""Programs on a cluster of Millstream's: what is sent there, what runs there, and how a job is followed from here.

The driver makes a *plan* of a program (`plan_file`, with the files that it needs in `files`), has a job manager run it
(`submission`), and follows the job (`remote`). In the cluster an interpreter reads the plan and makes the same graph of it in
each process (`program`).
"""
