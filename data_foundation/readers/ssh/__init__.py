"""SSH servers: their settings, the check of their host keys, and a tunnel through one of them to a database.

paramiko speaks the protocol, for SFTP too. So one check of host keys serves both, errors are classes and not lines of a
program's output, and an image needs no OpenSSH.
"""
